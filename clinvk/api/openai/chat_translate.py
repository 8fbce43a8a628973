"""A chat completion as it is asked for → what is wanted, free of OpenAI's words. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from clinvk.api import problems
from clinvk.api.dialects.ask import Ask
from clinvk.api.openai import limits
from clinvk.api.openai.content import not_given, text_of
from clinvk.api.openai.limits import AS_TEXT, NO_FORM, NO_PROBABILITIES, NOT_OFFERED, Limit
from clinvk.domain.conversation import Conversation, Turn

if TYPE_CHECKING:
    from clinvk.api.schema_types import ChatRequest

_USER: Final = "user"
_ASSISTANT: Final = "assistant"
_SYSTEM: Final = ("system", "developer")

Message = Mapping[str, Any]


def to_ask(body: "ChatRequest", backend: str, ignored: tuple[str, ...]) -> Ask:
    """`body`, already checked. Raises Problem for what cannot be had, or if it says nothing to answer."""
    limits.check(cast("Mapping[str, Any]", body), _LIMITS)
    effort = body.get("reasoning_effort")
    wants_reasoning = body.get("include_reasoning")
    return Ask(
        model=body["model"],
        conversation=conversation(cast("Sequence[Message]", body["messages"]), backend),
        stops=_stops(body.get("stop")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        effort=effort,
        effort_field="reasoning_effort",
        reasoning=effort not in (None, "none") if wants_reasoning is None else wants_reasoning,
        stream=bool(body.get("stream")),
        dry_run=bool(body.get("dry_run")),
        ignored=ignored,
    )


def conversation(messages: Sequence[Message], backend: str) -> Conversation:
    """All of `messages` in their order. Raises Problem for what is no text, or if no turn says anything."""
    reader = _Reader(backend)
    turns: list[Turn] = []
    system: list[str] = []
    for number, message in enumerate(messages):
        path = f"/messages/{number}"
        if message["role"] in _SYSTEM:
            system.append(reader.text(message, path))
        else:
            turns += reader.turns(message, path)
    if not any(turn.text.strip() for turn in turns):
        expected = "a message of the user that says something: instructions alone ask for nothing"
        raise problems.invalid("/messages", "hold nothing to answer", expected)
    if len(turns) == 1 and messages[-1]["role"] == _USER:  # whoever is alone needs no name
        turns = [Turn(_USER, turns[0].text)]
    return Conversation(tuple(turns), tuple(system))


def _stops(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


class _Reader:
    """Reads the messages of one conversation, the first one first: results name the calls before them."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._called: dict[str, str] = {}
        """Names of tools by the ids of their calls."""
        self._turns: Mapping[str, Callable[[Message, str], list[Turn]]] = {
            _USER: self._of_user,
            _ASSISTANT: self._of_assistant,
            "tool": self._of_tool,
            "function": self._of_function,
        }

    def text(self, message: Message, path: str) -> str:
        """What `message` says."""
        return text_of(message.get("content"), f"{path}/content", self._backend)

    def turns(self, message: Message, path: str) -> list[Turn]:
        """The turns that `message` is made of: what was said, then each call of a tool."""
        return self._turns[message["role"]](message, path)

    def _of_user(self, message: Message, path: str) -> list[Turn]:
        return [Turn(_speaker(_USER, message), self.text(message, path))]

    def _of_assistant(self, message: Message, path: str) -> list[Turn]:
        if message.get("audio") is not None:
            raise not_given(f"{path}/audio", "sound", self._backend)
        said = [text for text in (self.text(message, path), message.get("refusal")) if text]
        turns = [Turn(_speaker(_ASSISTANT, message), text) for text in said]
        turns += [self._of_call(call) for call in message.get("tool_calls") or ()]
        if function := message.get("function_call"):
            turns.append(Turn(f"assistant calls {function['name']}", function.get("arguments", "")))
        return turns

    def _of_call(self, call: Mapping[str, Any]) -> Turn:
        tool = call.get("function") or call.get("custom") or {}
        name, id_ = tool.get("name", "a tool"), call.get("id") or ""
        self._called[id_] = name
        return Turn(f"assistant calls {name}{_in_brackets(id_)}", tool.get("arguments", tool.get("input", "")))

    def _of_tool(self, message: Message, path: str) -> list[Turn]:
        id_ = message["tool_call_id"]
        name = self._called.get(id_, "a tool")
        return [Turn(f"result of {name}{_in_brackets(id_)}", self.text(message, path))]

    def _of_function(self, message: Message, path: str) -> list[Turn]:
        return [Turn(f"result of {message['name']}", self.text(message, path))]


def _speaker(role: str, message: Message) -> str:
    return role + _in_brackets(message.get("name") or "")


def _in_brackets(word: str) -> str:
    return f" ({word})" if word else ""


_NO_SOUND: Final = "asks for sound, and answers are text"
_LIMITS: Final = (
    Limit("logprobs", lambda value: not value, NO_PROBABILITIES, "false"),
    Limit("top_logprobs", lambda value: not value, NO_PROBABILITIES, "0"),
    Limit("modalities", lambda value: "audio" not in value, _NO_SOUND, '["text"]'),
    Limit("audio", lambda _: False, _NO_SOUND, "no such field"),
    Limit("tool_choice", lambda value: value in ("auto", "none"), NOT_OFFERED, '"auto" or "none"'),
    Limit("function_call", lambda value: value in ("auto", "none"), NOT_OFFERED, '"auto" or "none"'),
    Limit("response_format", lambda value: value["type"] == "text", NO_FORM, AS_TEXT),
)
