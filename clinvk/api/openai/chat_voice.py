"""A run as a chat completion: whole, or as chunks. Pure."""

from typing import Any, Final

import orjson

from clinvk.api.dialects.frame import Frame
from clinvk.api.dialects.speech import Piece, Speech
from clinvk.api.problems import Problem
from clinvk.domain.run import StopReason
from clinvk.domain.usage import Usage

_STOP: Final = "stop"
_FINISHES: Final = {
    StopReason.MAX_TOKENS: "length",
    StopReason.MAX_TURNS: "length",
    StopReason.REFUSAL: "content_filter",
}
_DONE: Final = b"data: [DONE]\n\n"


class ChatVoice:
    """Tells one run in the words of OpenAI's chat completions: `clinvk.api.dialects.voice.Voice`.

    With `include_usage` a stream has one more chunk, with what was used and without choices: clients that did not
    ask for it stumble over that.
    """

    def __init__(self, id_: str, created: int, model: str, *, include_usage: bool = False) -> None:
        self._id = f"chatcmpl-{id_}"
        self._created = created
        self._model = model
        self._include_usage = include_usage
        self._frames: dict[str, Frame] = {}

    def open(self) -> bytes:
        """Whose message it is."""
        return self._chunk({"role": "assistant", "content": ""})

    def say(self, pieces: list[Piece]) -> bytes:
        """A chunk for each."""
        return b"".join(
            [self._frame("reasoning_content" if thought else "content").around(text) for text, thought in pieces]
        )

    def close(self, speech: Speech) -> tuple[bytes]:
        """Why it ended, the usage if it was asked for, and the mark of the end."""
        finish = self._chunk({}, _finish(speech))
        return (finish + (self._usage(speech) if self._include_usage else b"") + _DONE,)

    def fail(self, problem: Problem, request_id: str) -> bytes:
        """The problem in the place of a finish: a stream that just ends is taken for a success."""
        return _data(problem.body(request_id)) + _DONE

    def whole(self, speech: Speech) -> dict[str, Any]:
        """The completion."""
        message: dict[str, Any] = {"role": "assistant", "content": speech.text, "refusal": None, "annotations": []}
        if speech.reasoning:
            message["reasoning_content"] = speech.reasoning
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(speech)}
        return self._told("chat.completion", [choice]) | {"usage": usage(speech.usage)}

    def _frame(self, name: str) -> Frame:
        """The chunk of a delta that has text by that name."""
        if name not in self._frames:
            self._frames[name] = Frame(self._chunk({name: ""}), name)
        return self._frames[name]

    def _chunk(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        told = self._told("chat.completion.chunk", [choice])
        return _data(told | {"usage": None} if self._include_usage else told)

    def _usage(self, speech: Speech) -> bytes:
        return _data(self._told("chat.completion.chunk", []) | {"usage": usage(speech.usage)})

    def _told(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self._id, "object": kind, "created": self._created, "model": self._model}
        return {**head, "choices": choices}


def usage(used: Usage) -> dict[str, Any]:
    """What was used. The parts that no CLI tells are there all the same: some clients read them unasked."""
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _finish(speech: Speech) -> str:
    """In OpenAI's words. There is none for a failure: that is an error."""
    return _FINISHES.get(speech.stop_reason, _STOP) if speech.stop_reason else _STOP


def _data(value: dict[str, Any]) -> bytes:
    # Never with an `id`: beside a comment it makes one SDK choke on the empty event that it sees.
    return b"data: %s\n\n" % orjson.dumps(value)
