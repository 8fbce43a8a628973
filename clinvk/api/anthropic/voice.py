"""How a run stands on the wire as the Anthropic API has it: a message, or the events of one. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from clinvk.api.dialects.frame import Frame
from clinvk.api.dialects.speech import Piece, Speech
from clinvk.api.problems import Problem, Reader
from clinvk.domain.run import StopReason
from clinvk.domain.usage import Usage

Json = dict[str, Any]

_SIGNATURE: Final = "clinvk"
"""Clients want one with each thought. It proves nothing: thoughts that come back are left out."""
_STOPS: Final[Mapping[StopReason, str]] = {
    StopReason.MAX_TOKENS: "max_tokens",
    StopReason.MAX_TURNS: "pause_turn",
    StopReason.REFUSAL: "refusal",
}
_NOT_TOLD: Final = {"output_tokens_details": None, "server_tool_use": None}


class MessageVoice:
    """Tells one run as the message `msg_` + `id_` of `model`, the name as it was asked for."""

    def __init__(self, id_: str, model: str) -> None:
        self._id = f"msg_{id_}"
        self._model = model
        self._index = -1  # of the newest block
        self._open: bool | None = None  # the open block: whether it is reasoning
        self._more: Frame | None = None  # of its text
        self._has_text = False

    def open(self) -> bytes:
        """The message without its content. Nothing is known of its usage yet."""
        begun = self._message([], _end(None, None), Usage())
        return _event({"type": "message_start", "message": begun})

    def say(self, pieces: list[Piece]) -> bytes:
        """Each piece in a block of its kind."""
        return b"".join([self._in(is_reasoning, text) for text, is_reasoning in pieces])

    def close(self, speech: Speech) -> tuple[bytes]:
        """The end of the open block, how the answer ended, and what was used. No message is without text."""
        blocks = b"" if self._has_text else self._turn_to(is_reasoning=False)
        blocks += self._leave_block()
        end = _event({"type": "message_delta", "delta": _end_of(speech), "usage": _used(speech.usage) | _NOT_TOLD})
        return (blocks + end + _event({"type": "message_stop"}),)

    def fail(self, problem: Problem, request_id: str) -> bytes:
        """The problem as an event; it is the last."""
        return _event(problem.body(request_id, Reader.ANTHROPIC_SDK))

    def whole(self, speech: Speech) -> Json:
        """The message, what was thought before what was said."""
        thought = _block(is_reasoning=True) | {"thinking": speech.reasoning, "signature": _SIGNATURE}
        said = _block(is_reasoning=False) | {"text": speech.text}
        return self._message([thought, said] if speech.reasoning else [said], _end_of(speech), speech.usage)

    def _message(self, content: list[Json], end: Json, usage: Usage) -> Json:
        of_all = {"cache_creation": None, "inference_geo": None, **_NOT_TOLD, "service_tier": "standard"}
        head = {"id": self._id, "type": "message", "role": "assistant", "model": self._model}
        return {**head, "content": content, **end, "usage": _used(usage) | of_all}

    def _in(self, is_reasoning: bool, text: str) -> bytes:
        """`text` in a block of that kind."""
        begun = self._turn_to(is_reasoning=is_reasoning)
        assert self._more, "the block is open"
        return begun + self._more.around(text)

    def _turn_to(self, *, is_reasoning: bool) -> bytes:
        """Open a block of that kind, unless one is open."""
        if self._open is is_reasoning:
            return b""
        left = self._leave_block()
        self._index += 1
        self._open = is_reasoning
        self._has_text |= not is_reasoning
        kind, name = ("thinking_delta", "thinking") if is_reasoning else ("text_delta", "text")
        self._more = Frame(self._delta({"type": kind, name: ""}), name)
        begun = {
            "type": "content_block_start",
            "index": self._index,
            "content_block": _block(is_reasoning=is_reasoning),
        }
        return left + _event(begun)

    def _leave_block(self) -> bytes:
        if self._open is None:
            return b""
        signed = self._delta({"type": "signature_delta", "signature": _SIGNATURE}) if self._open else b""
        self._open = None
        return signed + _event({"type": "content_block_stop", "index": self._index})

    def _delta(self, delta: Json) -> bytes:
        return _event({"type": "content_block_delta", "index": self._index, "delta": delta})


def _block(*, is_reasoning: bool) -> Json:
    """An empty block."""
    if is_reasoning:
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": "", "citations": []}


def _end_of(speech: Speech) -> Json:
    if speech.stop_sequence is not None:
        return _end("stop_sequence", speech.stop_sequence)
    return _end(_STOPS.get(speech.stop_reason, "end_turn") if speech.stop_reason else "end_turn", None)


def _end(reason: str | None, sequence: str | None) -> Json:
    return {"stop_reason": reason, "stop_sequence": sequence, "stop_details": None, "container": None}


def _used(usage: Usage) -> Json:
    """What goes by the cache is told beside `input_tokens`, not in it."""
    return {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens),
        "output_tokens": usage.output_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
    }


def _event(value: Json) -> bytes:
    """One server-sent event; without its name the SDKs see none."""
    return b"event: %s\ndata: %s\n\n" % (value["type"].encode(), orjson.dumps(value))
