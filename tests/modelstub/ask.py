"""What one model request asks for, and the answer to it, free of any provider's dialect."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from tests.modelstub import directives, tools
from tests.modelstub.directives import Directives

DELTAS: Final = 4
ANSWER_CHARS: Final = 200
RESULT_CHARS: Final = 400
THOUGHT: Final = "stub is thinking"
REASONING_TOKENS: Final = 7

# How the texts begin that the CLIs put into user messages by themselves.
_INJECTED: Final = (
    "<system-reminder", "<environment_context", "<user_instructions", "<permissions", "<session_context",
    "<hook_context", "<skills", "<turn_aborted", "# AGENTS.md", "This is the Gemini CLI", "<collaboration_mode",
    "<INSTRUCTIONS", "<apps_instructions", "<plugins_instructions", "<multi_agent", "<model_switch",
    "<personality",
)  # fmt: skip
_REMINDER: Final = re.compile(
    r"\s*<system-reminder>.*?</system-reminder>", re.DOTALL
)  # claude's, in a tool's result


@dataclass(slots=True)
class Conversation:
    """Folds messages, oldest first, into the last prompt and what tools have said since."""

    prompt: str = ""
    results: list[str] = field(default_factory=list)

    def user(self, texts: Iterable[str]) -> None:
        own = [text for text in texts if text.strip() and not text.lstrip().startswith(_INJECTED)]
        if own:
            self.prompt, self.results = "\n".join(own), []

    def result(self, text: str) -> None:
        self.results.append(_REMINDER.sub("", text))


@dataclass(frozen=True, slots=True)
class Text:
    """Text of the answer, in pieces."""

    pieces: tuple[str, ...]

    @property
    def whole(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to be used; its arguments are text for tools of free form."""

    name: str
    arguments: dict[str, Any] | str


@dataclass(frozen=True, slots=True)
class Ask:
    """One model request: `turns` messages, the last prompt of which had `directives`. `offered` names tools."""

    model: str
    stream: bool
    conversation: Conversation
    turns: int
    offered: tuple[str, ...]
    schema: dict[str, Any] | None
    input_tokens: int
    words: str
    directives: Directives

    @property
    def prompt(self) -> str:
        return self.conversation.prompt

    @property
    def cached_tokens(self) -> int:
        return self.input_tokens // 2

    @property
    def cut_short(self) -> bool:
        """Whether the answer is to end as if it had become too long."""
        return self.directives.stop == "length"

    def answer(self) -> Text | Call:
        """What comes after the reasoning: one tool call, or the answer's text."""
        wanted = self.directives
        if self.schema is not None:
            return Text((json.dumps(fit(self.schema)),))
        used = len(self.conversation.results)
        if used < len(wanted.steps):
            return Call(*tools.call(wanted.steps[used], self.offered))
        return Text(_pieces(self._text(), wanted))

    def _text(self) -> str:
        if self.conversation.results:
            return "tool said: " + self.conversation.results[-1].strip()[:RESULT_CHARS]
        length = len(self.words)
        more = "" if length <= ANSWER_CHARS else f" … ({length} characters)"
        return "you said: " + self.words[:ANSWER_CHARS] + more


def understand(conversation: Conversation, size: int, **told: Any) -> Ask:
    """The ask made of a body of `size` bytes: a conversation, and what else its dialect found in it."""
    words, found = directives.parse(conversation.prompt)
    tokens = max(1, size // 4)
    return Ask(conversation=conversation, input_tokens=tokens, words=words, directives=found, **told)


def texts(content: Any) -> list[str]:
    """The texts of a message: it may be one, or a list of texts and of blocks that have some."""
    if isinstance(content, str):
        return [content]
    found = [block.get("text") if isinstance(block, dict) else block for block in content or []]
    return [text for text in found if isinstance(text, str)]


def fit(schema: dict[str, Any]) -> Any:
    """A small value that fits a JSON schema; Gemini writes the names of types in capitals."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = (kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        return {name: fit(inner) for name, inner in schema.get("properties", {}).items()}
    return {"array": [], "string": "stub", "integer": 1, "number": 1, "boolean": True}.get(kind)


def _pieces(text: str, wanted: Directives) -> tuple[str, ...]:
    """`text`, padded to the size and the number of pieces wanted, and cut between words."""
    words = text.split(" ")
    length = len(text)
    while len(words) < (wanted.deltas or 1) or length < wanted.size:
        words.append(f"w{len(words)}")
        length += len(words[-1]) + 1
    count = wanted.deltas or min(len(words), DELTAS)
    cuts = [len(words) * number // count for number in range(count + 1)]
    pieces = [" ".join(words[begin:end]) for begin, end in pairwise(cuts)]
    return (pieces[0], *(" " + piece for piece in pieces[1:]))
