"""The demo child's protocol, from our side. `clinvk.democli` describes it."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final

from clinvk.backends import json_lines
from clinvk.backends.base import Outgoing, Said, TurnId
from clinvk.backends.blocks import TextBlocks
from clinvk.backends.json_lines import Malformed, Message
from clinvk.backends.message_lines import MessageLines
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import (
    ApprovalAsked,
    Notice,
    Output,
    ReasoningDelta,
    SessionBound,
    ToolDone,
    ToolStarted,
    TurnDone,
    UsageReported,
)
from clinvk.domain.run import Exit, Start, StopReason
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage

_ACTIONS: Final = frozenset({"read", "edit", "execute", "other"})
_STOP_REASONS: Final = frozenset(StopReason)
# What a CLI can know of; the other codes are the supervisor's to give.
_ERROR_CODES: Final = frozenset(
    {
        ErrorCode.BACKEND_FAILED,
        ErrorCode.USAGE_LIMIT,
        ErrorCode.NOT_AUTHENTICATED,
        ErrorCode.OVERLOADED,
        ErrorCode.MAX_TURNS,
        ErrorCode.RESUME_FAILED,
    }
)


class _Turn:
    """The turn under way: what of it is open."""

    def __init__(self, turn: TurnId) -> None:
        self.id = turn
        self.blocks = TextBlocks()
        self.tools: set[str] = set()
        self.asks: set[str] = set()


class DemoDialogue:
    """One demo child. It takes one turn at a time, in any number of conversations."""

    capacity = 1
    ready = True  # its stdin waits for it

    def __init__(self) -> None:
        self._lines = MessageLines(self._line)
        self._turn: _Turn | None = None
        self._conversations: set[str] = set()
        self._past: set[TurnId] = set()
        self._ended = False

    def open(self) -> None:
        """Nothing: the child greets unasked, and takes a prompt at any time."""

    def fit(self, spec: RunSpec) -> Start | None:
        if self._turn or self._ended:
            return None
        return Start.LIVE if spec.resume in self._conversations else Start.WARM

    def begin(self, turn: TurnId, spec: RunSpec) -> None:
        assert self.fit(spec), "the child is busy or gone"
        self._turn = _Turn(turn)
        self._send(
            type="prompt",
            turn=turn,
            prompt=spec.prompt,
            conversation=spec.resume,
            system=spec.system_prompt,
            model=spec.model,
            **({} if spec.ephemeral else {"keep": True}),
        )

    def interrupt(self, turn: TurnId) -> bool:
        if self._of(turn) is None:
            return False
        self._send(type="interrupt", turn=turn)
        return True

    def answer(self, turn: TurnId, ask_id: str, verdict: Verdict) -> None:
        open_turn = self._of(turn)
        if open_turn and ask_id in open_turn.asks:
            open_turn.asks.discard(ask_id)
            self._send(type="answer", turn=turn, ask=ask_id, allow=verdict.allowed, reason=verdict.reason)

    def receive(self, data: bytes) -> list[Said]:
        return self._lines.receive(data)

    def outgoing(self) -> Outgoing:
        return self._lines.outgoing()

    def exited(self, exit_: Exit) -> list[Said]:  # noqa: ARG002  how it ended changes nothing of what it said
        said = self._lines.rest()
        if self._turn:
            said += [Said(self._turn.id, done) for done in self._turn.blocks.close()]
        self._turn, self._ended = None, True
        return said

    def _send(self, **message: object) -> None:
        self._lines.send(message)

    def _of(self, turn: object) -> _Turn | None:
        return self._turn if self._turn and self._turn.id == turn else None

    def _line(self, message: Message, line: bytes) -> list[Said]:
        """What a message says."""
        kind = message.get("type")
        if kind == "hello":
            return []
        turn = self._of(message.get("turn"))
        decode = self._DECODERS.get(kind) if isinstance(kind, str) else None
        if str(message.get("turn")) in self._past:  # what it says is for nobody else to read
            return [Said(None, Notice("The backend wrote of a turn that is over"))]
        if turn is None or decode is None:
            return [Said(None, json_lines.unknown(line))]
        try:
            return [Said(turn.id, output) for output in decode(self, turn, message)]
        except Malformed:
            return [Said(turn.id, json_lines.unknown(line))]

    def _conversation(self, _turn: _Turn, message: Message) -> Sequence[Output]:
        name = json_lines.text(message, "id")
        self._conversations.add(name)
        return [SessionBound(name)]

    def _text(self, turn: _Turn, message: Message) -> Sequence[Output]:
        return [turn.blocks.delta(json_lines.text(message, "block"), json_lines.text(message, "text"))]

    def _text_end(self, turn: _Turn, message: Message) -> Sequence[Output]:
        return turn.blocks.done(json_lines.text(message, "block"))

    def _reasoning(self, _turn: _Turn, message: Message) -> Sequence[Output]:
        return [ReasoningDelta(json_lines.text(message, "text"))]

    def _tool(self, turn: _Turn, message: Message) -> Sequence[Output]:
        tool = json_lines.text(message, "id")
        name = json_lines.text(message, "name")
        turn.tools.add(tool)
        return [ToolStarted(tool, name, json_lines.as_text(message.get("input")))]

    def _tool_end(self, turn: _Turn, message: Message) -> Sequence[Output]:
        tool, ok = json_lines.text(message, "id"), message.get("ok")
        if tool not in turn.tools or not isinstance(ok, bool):
            raise Malformed("id")
        turn.tools.discard(tool)
        return [ToolDone(tool, ok, json_lines.as_text(message.get("output")))]

    def _ask(self, turn: _Turn, message: Message) -> Sequence[Output]:
        ask, tool = json_lines.text(message, "ask"), json_lines.text(message, "tool")
        action, paths = json_lines.text(message, "action"), message.get("paths", [])
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise Malformed("paths")
        turn.asks.add(ask)
        detail = json_lines.as_text(message.get("detail"))
        return [ApprovalAsked(ask, tool, action if action in _ACTIONS else "other", tuple(paths), detail)]

    def _usage(self, _turn: _Turn, message: Message) -> Sequence[Output]:
        usage = Usage(
            input_tokens=json_lines.count(message, "input_tokens"),
            output_tokens=json_lines.count(message, "output_tokens"),
            cached_tokens=json_lines.count(message, "cached_tokens"),
            reasoning_tokens=json_lines.count(message, "reasoning_tokens"),
        )
        return [UsageReported(usage)]

    def _done(self, turn: _Turn, message: Message) -> Sequence[Output]:
        """The end of the turn, whatever else the message holds: without it the turn would hang."""
        self._past.add(turn.id)
        self._turn = None
        reason = message.get("stop_reason")
        known = StopReason(reason) if isinstance(reason, str) and reason in _STOP_REASONS else None
        return [*turn.blocks.close(), TurnDone(known, _error(message.get("error")))]

    _DECODERS: ClassVar[Mapping[str, Callable[["DemoDialogue", _Turn, Message], Sequence[Output]]]] = (
        MappingProxyType(
            {
                "conversation": _conversation,
                "text": _text,
                "text_end": _text_end,
                "reasoning": _reasoning,
                "tool": _tool,
                "tool_end": _tool_end,
                "ask": _ask,
                "usage": _usage,
                "done": _done,
            }
        )
    )


def _error(error: Any) -> RunError | None:
    """The failure that a `done` tells; one that makes no sense is a failure all the same."""
    match error:
        case None:
            return None
        case {"code": str(code), "message": str(message), **rest}:
            known = ErrorCode(code) if code in _ERROR_CODES else ErrorCode.BACKEND_FAILED
            return RunError(known, message, json_lines.amount(rest.get("retry_after_secs")))
        case _:
            return RunError(ErrorCode.BACKEND_FAILED, "The demo backend failed and did not say why")
