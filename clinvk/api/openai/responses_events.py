"""The typed events of a response's stream, and the items that they tell of. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson


class Events:
    """Writes server-sent events, and numbers them on from `first`."""

    def __init__(self, first: int = 0) -> None:
        self._next = first

    def event(self, kind: str, **fields: Any) -> bytes:
        """The next event: its name stands in the stream and in the data."""
        data = orjson.dumps({"type": kind, "sequence_number": self._next, **fields})
        self._next += 1
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), data)


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of item that has text: what it is called, and what its events and fields are."""

    prefix: str
    part_event: str
    text_event: str
    index: str
    parts: str
    item: Mapping[str, Any]
    part: Mapping[str, Any]
    beside_text: Mapping[str, Any] = field(default_factory=dict)
    """What stands beside the text in its events."""


MESSAGE: Final = Form(
    prefix="msg",
    part_event="response.content_part",
    text_event="response.output_text",
    index="content_index",
    parts="content",
    item={"type": "message", "role": "assistant"},
    part={"type": "output_text", "annotations": [], "logprobs": []},
    beside_text={"logprobs": []},
)
REASONING: Final = Form(
    prefix="rs",
    part_event="response.reasoning_summary_part",
    text_event="response.reasoning_summary_text",
    index="summary_index",
    parts="summary",
    item={"type": "reasoning"},
    part={"type": "summary_text"},
)


class Item:
    """One item of a response, with one part of text. `place` is its place in the output."""

    def __init__(self, form: Form, response: str, place: int, text: str = "") -> None:
        """`response` is the id of the response, less its beginning; `text` what it has before any event."""
        self.form = form
        self._id = f"{form.prefix}_{response}" + (f"_{place}" if place else "")
        self._item_place = {"output_index": place}
        self._part_place = {"item_id": self._id, **self._item_place, form.index: 0}
        self._said = [text]

    def begin(self, events: Events) -> bytes:
        """It is there, and has no text yet."""
        added = events.event("response.output_item.added", **self._item_place, item=self._empty("in_progress"))
        return added + events.event(f"{self.form.part_event}.added", **self._part_place, part=self._part(""))

    def add(self, text: str, events: Events) -> bytes:
        """More of its text."""
        self._said.append(text)
        kind = f"{self.form.text_event}.delta"
        return events.event(kind, **self._part_place, delta=text, **self.form.beside_text)

    def end(self, status: str, events: Events) -> Iterator[bytes]:
        """It is whole, or `incomplete` and will not be. Each event has all of its text."""
        self._said = ["".join(self._said)]
        (text,) = self._said
        yield events.event(f"{self.form.text_event}.done", **self._part_place, text=text, **self.form.beside_text)
        yield events.event(f"{self.form.part_event}.done", **self._part_place, part=self._part(text))
        yield events.event("response.output_item.done", **self._item_place, item=self.told(status))

    def told(self, status: str) -> dict[str, Any]:
        """The item with the text that it has now."""
        return self._empty(status) | {self.form.parts: [self._part("".join(self._said))]}

    def _empty(self, status: str) -> dict[str, Any]:
        return {**self.form.item, "id": self._id, "status": status, self.form.parts: []}

    def _part(self, text: str) -> dict[str, Any]:
        return {**self.form.part, "text": text}
