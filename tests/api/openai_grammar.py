"""The grammar of a stream of chat completion chunks, over its raw bytes.

stream = *comment role *( text / reasoning / comment ) ( finish [ usage ] / failure ) done
"""

import json
from dataclasses import dataclass, field
from typing import Any

NEXT = {
    "start": {"role"},
    "role": {"text", "reasoning", "finish", "failure"},
    "text": {"text", "reasoning", "finish", "failure"},
    "reasoning": {"text", "reasoning", "finish", "failure"},
    "finish": {"usage", "done"},
    "usage": {"done"},
    "failure": {"done"},
    "done": set(),
}
FINISHES = {"stop", "length", "content_filter"}
DONE = "[DONE]"


@dataclass
class Told:
    """What a stream told, once it has kept to the grammar."""

    chunks: list[dict[str, Any]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    finish: str | None = None
    usage: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def read(stream: bytes, *, include_usage: bool = False) -> Told:
    """What `stream` tells. Asserts the grammar, and that all its chunks are of one answer."""
    told, state = Told(), "start"
    for item in items(stream):
        kind = DONE if item == DONE else kind_of(item)
        kind = "done" if kind == DONE else kind
        assert kind in NEXT[state], f"{kind} after {state}"
        state = kind
        told.kinds.append(kind)
        if item != DONE:
            _take(told, kind, item)
    assert state == "done", f"ends after {state}"
    _check_alike(told.chunks)
    _check_usage(told, include_usage=include_usage)
    return told


def items(stream: bytes) -> list[Any]:
    """The data of each event. Nothing but `data` of one line may be there, and comments of their own."""
    assert b"\r" not in stream
    assert stream.endswith(b"\n\n")
    found: list[Any] = []
    for block in stream.decode().removesuffix("\n\n").split("\n\n"):
        if not block.startswith(":"):
            assert block.startswith("data: "), block
            data = block.removeprefix("data: ")
            found.append(data if data == DONE else json.loads(data))
        assert "\n" not in block, block
    return found


def kind_of(item: dict[str, Any]) -> str:
    """Which of the grammar's words one item is."""
    if "error" in item:
        return "failure"
    if not item["choices"]:
        return "usage"
    (choice,) = item["choices"]
    assert (choice["index"], choice["logprobs"]) == (0, None)
    if choice["finish_reason"] is not None:
        assert choice["finish_reason"] in FINISHES
        assert choice["delta"] == {}
        return "finish"
    if choice["delta"] == {"role": "assistant", "content": ""}:
        return "role"
    (name,) = choice["delta"]
    return {"content": "text", "reasoning_content": "reasoning"}[name]


def _take(told: Told, kind: str, item: dict[str, Any]) -> None:
    if kind == "failure":
        told.problem = item
        return
    told.chunks.append(item)
    if kind == "usage":
        told.usage = item["usage"]
        return
    (choice,) = item["choices"]
    told.finish = choice["finish_reason"]
    if kind == "text":
        told.pieces.append(choice["delta"]["content"])
    elif kind == "reasoning":
        told.thoughts.append(choice["delta"]["reasoning_content"])


def _check_alike(chunks: list[dict[str, Any]]) -> None:
    heads = {(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks}
    ((id_, kind, created, _),) = heads
    assert id_.startswith("chatcmpl-")
    assert kind == "chat.completion.chunk"
    assert type(created) is int


def _check_usage(told: Told, *, include_usage: bool) -> None:
    """Only who asked for it is told; then it is null in all chunks but the last."""
    plain = [chunk for chunk in told.chunks if chunk["choices"]]
    assert all(("usage" in chunk) == include_usage for chunk in plain)
    assert all(chunk.get("usage") is None for chunk in plain)
    assert (told.usage is not None) == (include_usage and told.problem is None)
