"""The grammar of a streamed message, as the SDKs rely on it: whatever stream a test reads is checked by it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

# What may follow what. Nothing follows the end, and nothing but a problem takes the place of what is missing.
AFTER = {
    "": {"message_start"},
    "message_start": {"content_block_start", "error"},
    "content_block_start": {"content_block_delta", "content_block_stop", "error"},
    "content_block_delta": {"content_block_delta", "content_block_stop", "error"},
    "content_block_stop": {"content_block_start", "message_delta", "error"},
    "message_delta": {"message_stop"},
    "message_stop": set(),
    "error": set(),
}
ENDS = {"message_stop", "error"}
# Which field a piece adds to, by the kind of the block that it is for.
FIELDS = {
    "text": {"text_delta": "text"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
}


@dataclass
class Told:
    """What a stream has told: what an SDK would have in the end."""

    message: dict[str, Any] = field(default_factory=dict)
    deltas: list[str] = field(default_factory=list)
    """The pieces of text."""
    error: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        return "".join(block["text"] for block in self.message["content"] if block["type"] == "text")


def events(body: bytes) -> list[dict[str, Any]]:
    """The events of `body`, each named by its type; comments keep a connection alive, and are none."""
    assert body.endswith(b"\n\n")
    found = []
    for block in body.decode().removesuffix("\n\n").split("\n\n"):
        if block == ": ping":
            continue
        told = re.fullmatch(r"event: (\w+)\ndata: (\{.*\})", block)
        assert told, block
        found.append(json.loads(told[2]))
        assert found[-1]["type"] == told[1]
    return found


def read(body: bytes) -> Told:
    """What a whole stream tells; AssertionError where it breaks the grammar."""
    told, last = Told(), ""
    for event in events(body):
        assert event["type"] in AFTER[last], f"{event['type']} after {last or 'nothing'}"
        last = event["type"]
        _HEARD[last](told, event)
    assert last in ENDS, f"it ends with {last}"
    return told


def _start(told: Told, event: dict[str, Any]) -> None:
    told.message = event["message"]
    assert (told.message["content"], told.message["stop_reason"]) == ([], None)


def _block_start(told: Told, event: dict[str, Any]) -> None:
    assert event["index"] == len(told.message["content"])
    block = event["content_block"]
    assert not any(block[name] for name in FIELDS[block["type"]].values())
    told.message["content"].append(dict(block))


def _delta(told: Told, event: dict[str, Any]) -> None:
    assert event["index"] == len(told.message["content"]) - 1
    block, delta = told.message["content"][-1], event["delta"]
    name = FIELDS[block["type"]][delta["type"]]
    assert not block.get("signature"), "nothing of a thought comes behind its signature"
    block[name] += delta[name]
    if name == "text":
        told.deltas.append(delta["text"])


def _block_stop(told: Told, event: dict[str, Any]) -> None:
    assert event["index"] == len(told.message["content"]) - 1
    block = told.message["content"][-1]
    assert block["type"] != "thinking" or block["signature"]


def _end(told: Told, event: dict[str, Any]) -> None:
    told.message |= event["delta"]
    told.message["usage"] = told.message["usage"] | event["usage"]


def _stop(told: Told, _: dict[str, Any]) -> None:
    assert any(block["type"] == "text" for block in told.message["content"])


def _error(told: Told, event: dict[str, Any]) -> None:
    told.error = event


_HEARD = {
    "message_start": _start,
    "content_block_start": _block_start,
    "content_block_delta": _delta,
    "content_block_stop": _block_stop,
    "message_delta": _end,
    "message_stop": _stop,
    "error": _error,
}
