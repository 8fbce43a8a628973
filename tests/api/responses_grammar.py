"""The grammar of a streamed response, over its raw bytes: whatever stream a test reads is checked by it.

stream = created in_progress *item ( completed / incomplete / failed )
item   = item.added part.added *delta text.done part.done item.done        ; a failure may come at any place
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

OPENED, UNDER_WAY, ITEM = "response.created", "response.in_progress", "response.output_item"
FAILED = "response.failed"
ENDS = {"response.completed", "response.incomplete"}
# By the type of an item: its parts, their events, those of their text, and what counts them.
FORMS = {
    "message": ("content", "response.content_part", "response.output_text", "content_index"),
    "reasoning": (
        "summary", "response.reasoning_summary_part", "response.reasoning_summary_text", "summary_index",
    ),
}  # fmt: skip


@dataclass
class Told:
    """What a stream told, once it has kept to the grammar."""

    response: dict[str, Any] = field(default_factory=dict)
    """The answer as the last event has it."""
    kinds: list[str] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def events(stream: bytes) -> list[dict[str, Any]]:
    """The events of `stream`, each named by its type and numbered; comments keep it alive, and are none."""
    assert stream.endswith(b"\n\n")
    found: list[dict[str, Any]] = []
    for block in stream.decode().removesuffix("\n\n").split("\n\n"):
        if block == ": ping":
            continue
        told = re.fullmatch(r"event: ([\w.]+)\ndata: (\{[^\n]*\})", block)
        assert told, block
        event = json.loads(told[2])
        assert (event["type"], event["sequence_number"]) == (told[1], len(found))
        found.append(event)
    return found


def read(stream: bytes) -> Told:
    """What a whole stream tells; AssertionError where it breaks the grammar."""
    told = Told()
    heard = events(stream)
    told.kinds = [event["type"] for event in heard]
    opened, under_way, *rest, end = heard
    assert [opened["type"], under_way["type"]] == [OPENED, UNDER_WAY]
    assert opened["response"] == under_way["response"]
    _check_begun(opened["response"])
    while rest:
        rest = _item(told, rest, broken_off=end["type"] == FAILED)
    told.response = end["response"]
    _check_end(told, end, opened["response"])
    return told


def _item(told: Told, rest: list[dict[str, Any]], *, broken_off: bool) -> list[dict[str, Any]]:
    """Read one item from the beginning of `rest`; what comes behind it."""
    item = rest[0]["item"]
    parts, part_event, text_event, index = FORMS[item["type"]]
    place = {"output_index": len(told.items)}
    in_part = {"item_id": item["id"], index: 0, **place}
    deltas = [event["delta"] for event in _deltas(rest[2:], f"{text_event}.delta")]
    text = "".join(deltas)
    assert (item["status"], item[parts]) == ("in_progress", [])
    wanted = [
        (f"{ITEM}.added", place),
        (f"{part_event}.added", in_part),
        *((f"{text_event}.delta", in_part) for _ in deltas),
        (f"{text_event}.done", {**in_part, "text": text}),
        (f"{part_event}.done", in_part),
        (f"{ITEM}.done", place),
    ]
    if broken_off:
        wanted = wanted[: len(rest)]
    for (kind, fields), event in zip(wanted, rest, strict=False):
        assert event["type"] == kind, f"{event['type']} in the place of {kind}"
        assert fields.items() <= event.items()
    heard, behind = rest[: len(wanted)], rest[len(wanted) :]
    assert len(heard) == len(wanted), "it ends within an item"
    if heard[-1]["type"] == f"{ITEM}.done":
        _check_item(heard, item, parts, text)
        told.items.append(heard[-1]["item"])
    (told.pieces if item["type"] == "message" else told.thoughts).extend(deltas)
    return behind


def _deltas(rest: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    until = next((place for place, event in enumerate(rest) if event["type"] != kind), len(rest))
    return rest[:until]


def _check_item(heard: list[dict[str, Any]], begun: dict[str, Any], parts: str, text: str) -> None:
    added, done, item = heard[1]["part"], heard[-2]["part"], heard[-1]["item"]
    assert (added["text"], done["text"]) == ("", text)
    assert added == {**done, "text": ""}
    assert item == {**begun, "status": item["status"], parts: [done]}
    assert item["status"] in {"completed", "incomplete"}


def _check_begun(response: dict[str, Any]) -> None:
    assert response["status"] == "in_progress"
    assert (response["output"], response["usage"], response["error"]) == ([], None, None)
    assert type(response["created_at"]) is int


def _check_end(told: Told, end: dict[str, Any], begun: dict[str, Any]) -> None:
    assert end["type"] in ENDS | {FAILED}, f"it ends with {end['type']}"
    moved = {"status", "output", "usage", "error", "incomplete_details"}
    response = end["response"]
    assert response["status"] == end["type"].removeprefix("response.")
    assert {name: response[name] for name in begun if name not in moved} == {
        name: begun[name] for name in begun if name not in moved
    }
    assert (response["error"] is not None) == (end["type"] == FAILED)
    assert (response["incomplete_details"] is not None) == (end["type"] == "response.incomplete")
    if end["type"] == FAILED:
        assert response["output"] == []
        return
    assert response["output"] == told.items
    assert any(item["type"] == "message" for item in told.items)
    assert len({item["id"] for item in told.items}) == len(told.items)
    assert response["usage"] is not None
