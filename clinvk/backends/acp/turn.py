"""One turn of an ACP conversation: what of it is open, and what its updates say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final

from clinvk.backends import json_lines
from clinvk.backends.acp import calls
from clinvk.backends.acp.quirks import Quirks
from clinvk.backends.base import TurnId
from clinvk.backends.blocks import TextBlocks
from clinvk.backends.json_lines import Malformed, Message
from clinvk.backends.rpc import RequestId
from clinvk.domain.events import Notice, Output, ReasoningDelta, ToolDone, ToolStarted
from clinvk.domain.spec import RunSpec

# What an agent tells its user interface; none of it is the answer.
_FOR_THE_SCREEN: Final = frozenset(
    {
        "user_message_chunk",
        "plan",
        "available_commands_update",
        "current_mode_update",
        "config_option_update",
        "session_info_update",
        "usage_update",
    }
)
_ALLOW: Final = ("allow_once",)  # for good is more than anybody was asked
_REJECT: Final = ("reject_once", "reject_always")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for leave that waits: the options to answer by, None where the agent offers none."""

    request: RequestId
    allow: str | None
    reject: str | None


class OverLimit(Exception):
    """The model was asked once more than the turn allows."""


@dataclass(slots=True)
class Turn:
    """A turn under way. `name` is its conversation to the world, and `session` to the agent, once there is one."""

    id: TurnId
    spec: RunSpec
    quirks: Quirks
    name: str | None = None
    session: str | None = None
    loaded: bool = False
    replayed: bool = False
    prompted: bool = False
    stopping: bool = False
    asks: dict[str, Ask] = field(default_factory=dict)
    blocks: TextBlocks = field(default_factory=TextBlocks)
    _unsaid: list[Output] = field(default_factory=list)
    _running: dict[str, None] = field(default_factory=dict)
    _asked: dict[str, None] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)
    _block: int = 0
    _rounds: int = 1
    _after_tools: bool = False

    def prompt(self) -> list[Message]:
        """The blocks of the prompt: what goes before it, and what was asked."""
        before = self.quirks.preamble(self.spec)
        texts = [self.spec.prompt] if before is None else [before, self.spec.prompt]
        texts[0] = self.quirks.plain(texts[0])  # an agent may read all blocks as one
        return [{"type": "text", "text": text} for text in texts]

    def unsaid(self) -> list[Output]:
        """What became known while nothing could be said."""
        said, self._unsaid = self._unsaid, []
        return said

    def say(self, output: Output) -> None:
        """To be said before whatever comes next."""
        self._unsaid.append(output)

    def update(self, update: Message) -> list[Output]:
        """What an update says. Raises Malformed, and OverLimit."""
        kind = json_lines.text(update, "sessionUpdate")
        if kind in _FOR_THE_SCREEN:
            return []
        decode = self._DECODERS.get(kind)
        if decode is None:
            raise Malformed("sessionUpdate")
        return decode(self, update)

    def ask(self, request: RequestId, params: Message) -> list[Output]:
        """What a request for leave says; it waits in `asks` for its answer. Raises Malformed, and OverLimit."""
        call, options = params.get("toolCall"), calls.items(params, "options")
        if not isinstance(call, dict):
            raise Malformed("toolCall")
        tool = json_lines.text(call, "toolCallId")
        asked = calls.asked(str(request), self.quirks.tool_name(call), call)
        said = self._started(tool, call)
        self._running.pop(tool, None)
        self._asked[tool] = None
        self._after_tools = not self._running
        self.asks[asked.ask_id] = Ask(request, _option(options, _ALLOW), _option(options, _REJECT))
        return [*said, asked]

    def abandoned(self) -> list[Output]:
        """The end of every tool that has none: the turn is over, or its model goes on without it."""
        left = [*self._asked, *self._running]
        for tool in left:
            self._over(tool)
        return [ToolDone(tool, False) for tool in left]

    def _text(self, update: Message) -> list[Output]:
        text = _text_of(update)
        if text is None:
            return [Notice("The agent sent something that is not text; clinvk does not pass it on")]
        return [*self._count(), self.blocks.delta(f"text-{self._block}", text)]

    def _thought(self, update: Message) -> list[Output]:
        text = _text_of(update)
        return [*self._count(), ReasoningDelta(text)] if text is not None else []

    def _call(self, update: Message) -> list[Output]:
        """A call, new or followed up: an agent may do either first."""
        tool = json_lines.text(update, "toolCallId")
        if tool in self._ended:
            return []
        output = calls.output_of(update)
        said = self._started(tool, update)
        status = update.get("status")
        if isinstance(status, str) and status in calls.ENDED:
            self._over(tool)
            said.append(ToolDone(tool, calls.ENDED[status], output))
        return said

    def _started(self, tool: str, call: Message) -> list[Output]:
        """The start of `tool`, unless it was told, behind the end of the text before it."""
        if tool in self._running or tool in self._asked:
            return []
        name, given = self.quirks.tool_name(call), calls.input_of(call)
        if self.quirks.same_round(tool):
            self._after_tools = False
        over = self._count()
        self._running[tool] = None
        self._ended.discard(tool)
        self._block += 1
        return [*over, *self.blocks.close(), ToolStarted(tool, name, given)]

    def _over(self, tool: str) -> None:
        self._running.pop(tool, None)
        self._asked.pop(tool, None)
        self._ended.add(tool)
        self._after_tools = not self._running

    def _count(self) -> list[Output]:
        """Something new: if no tool before it runs, the model was asked once more. Raises OverLimit.

        A tool that had to be asked for may have been refused, and not every agent tells.
        """
        if not self._after_tools:
            return []
        self._rounds += 1
        if self.spec.max_turns is not None and self._rounds > self.spec.max_turns:
            raise OverLimit
        over = self.abandoned()
        self._after_tools = False
        return over

    _DECODERS: ClassVar[Mapping[str, Callable[["Turn", Message], list[Output]]]] = MappingProxyType(
        {
            "agent_message_chunk": _text,
            "agent_thought_chunk": _thought,
            "tool_call": _call,
            "tool_call_update": _call,
        }
    )


def _text_of(update: Message) -> str | None:
    """The text of a chunk, None where it is an image or the like. Raises Malformed."""
    content = update.get("content")
    if not isinstance(content, dict):
        raise Malformed("content")
    return json_lines.text(content, "text") if content.get("type") == "text" else None


def _option(options: list[Message], kinds: tuple[str, ...]) -> str | None:
    """The first option of the first kind that is offered."""
    offered = {option.get("kind"): option.get("optionId") for option in reversed(options)}
    return next((chosen for kind in kinds if isinstance(chosen := offered.get(kind), str)), None)
