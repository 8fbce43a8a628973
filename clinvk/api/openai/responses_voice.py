"""A run as the answer of POST /openai/v1/responses, whole or as a stream of typed events. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from clinvk.api.dialects.speech import Piece, Speech
from clinvk.api.openai.responses_events import MESSAGE, REASONING, Events, Form, Item
from clinvk.api.problems import Problem
from clinvk.domain.run import StopReason
from clinvk.domain.usage import Usage

_OPENING: Final = ("response.created", "response.in_progress")
_CUT_SHORT: Final = frozenset({StopReason.MAX_TOKENS, StopReason.MAX_TURNS})
# SDKs know a closed list of codes, and most of that list is about images.
_TOO_MANY: Final = 429
_RATE_LIMIT: Final = "rate_limit_exceeded"
_SERVER_ERROR: Final = "server_error"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the answer repeats of its request. `model` is as the client wrote it."""

    model: str
    instructions: str | None = None
    max_output_tokens: int | None = None
    effort: str | None = None
    summary: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class ResponsesVoice:
    """Tells one run. Reasoning and text are items of their own, in the order they were said."""

    def __init__(self, id_: str, created: int, asked: Asked) -> None:
        self._id = id_
        self._created = created
        self._asked = asked
        self._events = Events(len(_OPENING))  # those have their numbers, whenever they are asked for
        self._items: list[Item] = []

    def open(self) -> bytes:
        """The response exists, and is under way."""
        begun = self._response("in_progress")
        opening = Events()
        return b"".join(opening.event(kind, response=begun) for kind in _OPENING)

    def say(self, pieces: list[Piece]) -> bytes:
        """Each piece as a delta, with what begins and ends the items around it."""
        told = (self._in(REASONING if each.is_reasoning else MESSAGE, each.text) for each in pieces)
        return b"".join(told)

    def close(self, speech: Speech) -> Iterator[bytes]:
        """The end of the last item, and of the response. There is a message, if an empty one."""
        status = _status(speech)
        if not any(item.form is MESSAGE for item in self._items):
            yield self._begin(MESSAGE)
        yield from self._items[-1].end(status, self._events)
        yield self._events.event(f"response.{status}", response=self._ended(speech))

    def fail(self, problem: Problem, request_id: str) -> bytes:  # noqa: ARG002  the form has no place for it
        """What was begun stays open: a client is to take none of it for whole."""
        code = _RATE_LIMIT if problem.status == _TOO_MANY else _SERVER_ERROR
        failed = self._response("failed", error={"code": code, "message": problem.detail})
        return self._events.event("response.failed", response=failed)

    def whole(self, speech: Speech) -> dict[str, Any]:
        """The answer alone: what was said before a tool is for those who watch."""
        thought = [(REASONING, speech.reasoning)] if speech.reasoning else []
        said = [*thought, (MESSAGE, speech.text)]
        self._items = [Item(form, self._id, place, text) for place, (form, text) in enumerate(said)]
        return self._ended(speech)

    def _in(self, form: Form, text: str) -> bytes:
        """`text` in an item of that form: the one under way, or else the next."""
        begun = b"" if self._items and self._items[-1].form is form else self._begin(form)
        return begun + self._items[-1].add(text, self._events)

    def _begin(self, form: Form) -> bytes:
        ended = b"".join(self._items[-1].end("completed", self._events)) if self._items else b""
        self._items.append(Item(form, self._id, len(self._items)))
        return ended + self._items[-1].begin(self._events)

    def _ended(self, speech: Speech) -> dict[str, Any]:
        status = _status(speech)
        cut = {"reason": "max_output_tokens"} if status == "incomplete" else None
        before, last = self._items[:-1], self._items[-1]
        output = [*(item.told("completed") for item in before), last.told(status)]
        return self._response(status, incomplete_details=cut, output=output, usage=_usage(speech.usage))

    def _response(self, status: str, **known: Any) -> dict[str, Any]:
        """The response as it stands. SDKs want every field; those that mean nothing here have the usual values."""
        asked = self._asked
        told = {
            "id": f"resp_{self._id}", "object": "response", "created_at": self._created, "completed_at": None,
            "status": status, "error": None, "incomplete_details": None, "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens, "max_tool_calls": None, "model": asked.model,
            "output": [], "parallel_tool_calls": True, "previous_response_id": None,
            "reasoning": {"effort": asked.effort, "summary": asked.summary},
            "store": False, "background": False, "temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0,
            "frequency_penalty": 0.0, "top_logprobs": 0, "text": {"format": {"type": "text"}},
            "tool_choice": "auto", "tools": [], "truncation": "disabled", "service_tier": "default",
            "usage": None, "user": None, "metadata": dict(asked.metadata), "safety_identifier": None,
            "prompt_cache_key": None,
        }  # fmt: skip
        return told | known


def _status(speech: Speech) -> str:
    return "incomplete" if speech.stop_reason in _CUT_SHORT else "completed"


def _usage(used: Usage) -> dict[str, Any]:
    return {
        "input_tokens": used.input_tokens,
        "input_tokens_details": {
            "cached_tokens": used.cached_tokens, "cache_write_tokens": used.cache_write_tokens,
        },
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
        "total_tokens": used.input_tokens + used.output_tokens,
    }  # fmt: skip
