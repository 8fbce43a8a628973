"""A response as it is asked for → what is wanted, free of OpenAI's words. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from clinvk.api import problems
from clinvk.api.dialects.ask import Ask
from clinvk.api.openai import limits
from clinvk.api.openai.content import text_of
from clinvk.api.openai.limits import AS_TEXT, NO_FORM, NO_PROBABILITIES, NOT_OFFERED, Limit
from clinvk.api.openai.responses_voice import Asked
from clinvk.domain.conversation import Conversation, Turn

if TYPE_CHECKING:
    from clinvk.api.schema_types import ResponsesRequest

_USER: Final = "user"
_SYSTEM: Final = ("system", "developer")

Item = Mapping[str, Any]


def to_ask(body: "ResponsesRequest", backend: str, ignored: tuple[str, ...]) -> Ask:
    """`body`, already checked. Raises Problem for what cannot be had, or if it says nothing to answer."""
    sent = cast("Mapping[str, Any]", body)
    _refuse_unsupported(sent)
    reasoning = body.get("reasoning") or {}
    return Ask(
        model=body["model"],
        conversation=conversation(sent["input"], body.get("instructions"), backend),
        max_tokens=body.get("max_output_tokens"),
        effort=reasoning.get("effort"),
        effort_field="reasoning",
        reasoning=reasoning.get("summary") is not None,
        stream=bool(body.get("stream")),
        dry_run=bool(body.get("dry_run")),
        ignored=ignored,
    )


def to_asked(body: "ResponsesRequest") -> Asked:
    """What the answer repeats of `body`."""
    reasoning = body.get("reasoning") or {}
    return Asked(
        model=body["model"],
        instructions=body.get("instructions"),
        max_output_tokens=body.get("max_output_tokens"),
        effort=reasoning.get("effort"),
        summary=reasoning.get("summary"),
        metadata=body.get("metadata") or {},
    )


def conversation(said: str | Sequence[Item], instructions: str | None, backend: str) -> Conversation:
    """All of `said` in its order, behind `instructions`. Raises Problem as `to_ask` does."""
    items = [{"role": _USER, "content": said}] if isinstance(said, str) else said
    reader = _Reader(backend)
    turns: list[Turn] = []
    system = [instructions or ""]
    for number, item in enumerate(items):
        told = reader.turns(item, f"/input/{number}")
        if item.get("role") in _SYSTEM:
            system += [turn.text for turn in told]
        else:
            turns += told
    if not any(turn.text.strip() for turn in turns):
        expected = "a message of the user that says something: instructions alone ask for nothing"
        raise problems.invalid("/input", "holds nothing to answer", expected)
    return Conversation(tuple(turns), tuple(text for text in system if text))


class _Reader:
    """Reads the items of one input, the first one first: results name the calls before them."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._called: dict[str, str] = {}
        """Names of functions by the ids of their calls."""
        self._turns: Mapping[str, Callable[[Item, str], list[Turn]]] = {
            "message": self._of_message,
            "function_call": self._of_call,
            "function_call_output": self._of_result,
            "reasoning": lambda *_: [],  # it was the model's own
            "item_reference": self._of_reference,
        }

    def turns(self, item: Item, path: str) -> list[Turn]:
        """The turn that `item` is, if it is one. What instructs is a turn of whoever instructs."""
        return self._turns[item.get("type") or "message"](item, path)

    def _of_message(self, item: Item, path: str) -> list[Turn]:
        return [Turn(item["role"], text_of(item["content"], f"{path}/content", self._backend))]

    def _of_call(self, item: Item, _: str) -> list[Turn]:
        self._called[item["call_id"]] = item["name"]
        return [Turn(f"assistant calls {item['name']} ({item['call_id']})", item["arguments"])]

    def _of_result(self, item: Item, path: str) -> list[Turn]:
        name = self._called.get(item["call_id"], "a tool")
        text = text_of(item["output"], f"{path}/output", self._backend)
        return [Turn(f"result of {name} ({item['call_id']})", text)]

    def _of_reference(self, _: Item, path: str) -> list[Turn]:
        raise problems.unsupported(
            path, "names an item of an earlier response, and none are kept", "the item itself"
        )


def _refuse_unsupported(sent: Mapping[str, Any]) -> None:
    """Raises Problem for what would be answered otherwise than its client relies on."""
    limits.check(sent, _LIMITS)
    form = (sent.get("text") or {}).get("format")
    if form and form["type"] != "text":
        raise problems.unsupported("/text/format", NO_FORM, AS_TEXT)


_WHOLE: Final = "the whole conversation in input"
_LIMITS: Final = (
    Limit("previous_response_id", lambda _: False, "names an earlier response, and none are kept", _WHOLE),
    Limit("conversation", lambda _: False, "names a conversation, and none are kept", _WHOLE),
    Limit("prompt", lambda _: False, "names a template, and none are kept", "the prompt itself in input"),
    Limit("background", lambda value: not value, "asks for an answer to fetch later, and none are kept", "false"),
    Limit("tool_choice", lambda value: value in ("auto", "none"), NOT_OFFERED, '"auto" or "none"'),
    Limit("top_logprobs", lambda value: not value, NO_PROBABILITIES, "0"),
)
