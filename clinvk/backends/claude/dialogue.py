"""One claude child's protocol: messages, control requests both ways, one turn at a time."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final

from clinvk.backends import failures, json_lines
from clinvk.backends.base import Outgoing, Said, TurnId
from clinvk.backends.claude import asks
from clinvk.backends.claude.turn import Turn
from clinvk.backends.json_lines import Malformed, Message
from clinvk.backends.message_lines import MessageLines
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import Output, SessionBound
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec

# Told by claude about itself, or said again in a message that we do read.
_DULL: Final = frozenset(
    {
        "keep_alive",
        "conversation_reset",
        "rate_limit_event",
        "tool_progress",
        "tool_use_summary",
        "auth_status",
        "prompt_suggestion",
    }
)

_METER: Final = "--max-budget-usd"


class ClaudeDialogue:
    """One claude child. It keeps one conversation, and says nothing before it is spoken to."""

    capacity = 1

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self._vets = asks.must_vet(spec)
        self._lines = MessageLines(self._line)
        self._turn: Turn | None = None
        self._asks: dict[str, tuple[str, Message]] = {}
        """By request: its kind, and what it asks leave for."""
        self._session: str | None = None
        self._greeted = self._ended = False
        # What bounds the process bounds all its turns together.
        self._metered = spec.max_turns is not None or any(flag.startswith(_METER) for flag in spec.extra)
        self._interrupts = 0
        # A conversation that is gone on with brings its earlier cost along, and says how much if asked.
        self._cost = None if spec.resume else 0.0

    @property
    def ready(self) -> bool:
        return self._greeted

    def open(self) -> None:
        hello: Message = {"subtype": "initialize"}
        if self._vets:
            hello["hooks"] = {"PreToolUse": [{"matcher": None, "hookCallbackIds": ["vet"]}]}
        if self._spec.system_prompt is not None:
            field = "systemPrompt" if self._spec.replace_system_prompt else "appendSystemPrompt"
            hello[field] = self._spec.system_prompt
        self._request("hello", hello)
        if self._spec.resume:
            self._request("cost", {"subtype": "get_usage"})

    def fit(self, spec: RunSpec) -> Start | None:
        if self._turn or self._ended:
            return None
        if self._session is None:
            return Start.WARM if spec.resume == self._spec.resume else None
        return Start.LIVE if spec.resume == self._session and not self._metered else None

    def begin(self, turn: TurnId, spec: RunSpec) -> None:
        assert self.fit(spec), "the child is busy or gone, or keeps another conversation"
        self._turn = Turn(turn, spec, self._vets)
        if self._greeted:
            self._prompt(self._turn)

    def interrupt(self, turn: TurnId) -> bool:
        open_turn = self._turn
        if open_turn is None or open_turn.id != turn or not open_turn.prompted:
            return False
        self._stop()
        return True

    def answer(self, turn: TurnId, ask_id: str, verdict: Verdict) -> None:
        if self._turn and self._turn.id == turn and ask_id in self._asks:
            kind, request = self._asks.pop(ask_id)
            self._reply(ask_id, _DECISIONS[kind](request, verdict))

    def receive(self, data: bytes) -> list[Said]:
        return self._lines.receive(data)

    def outgoing(self) -> Outgoing:
        return self._lines.outgoing()

    def exited(self, exit_: Exit) -> list[Said]:  # noqa: ARG002  how it ended changes nothing of what it said
        said = self._lines.rest()
        if self._turn:
            said += [Said(self._turn.id, done) for done in self._turn.close()]
        self._turn, self._ended = None, True
        return said

    def _send(self, **message: Any) -> None:
        self._lines.send(message)

    def _request(self, name: str, request: Message) -> None:
        self._send(type="control_request", request_id=name, request=request)

    def _reply(self, request: str, answer: Message) -> None:
        response = {"subtype": "success", "request_id": request, "response": answer}
        self._send(type="control_response", response=response)

    def _stop(self) -> None:
        self._interrupts += 1
        self._request(f"stop-{self._interrupts}", {"subtype": "interrupt"})

    def _prompt(self, turn: Turn) -> None:
        """Send the prompt. Only at the very beginning would a slash be a command: a space makes it text."""
        turn.prompted = True
        text = turn.spec.prompt
        message = {"role": "user", "content": f" {text}" if text.startswith("/") else text}
        self._send(type="user", message=message, parent_tool_use_id=None, session_id="")

    def _line(self, message: Message, line: bytes) -> list[Said]:
        """What a message says; one that nobody waits for says nothing."""
        kind = str(message.get("type"))
        read = self._READERS.get(kind)
        if read is None:
            return [] if kind in _DULL else [Said(None, json_lines.unknown(line))]
        about = self._turn.id if self._turn else None
        try:
            return [Said(about, output) for output in read(self, message)]
        except Malformed:
            return [Said(about, json_lines.unknown(line))]

    def _system(self, message: Message) -> Sequence[Output]:
        if self._turn is None:
            return []
        return self._bound(self._turn, message) if message.get("subtype") == "init" else self._turn.system(message)

    def _bound(self, turn: Turn, message: Message) -> Sequence[Output]:
        """The conversation has a name, said again at each turn, and sometimes within one."""
        session = json_lines.text(message, "session_id")
        if turn.spec.resume not in {None, session}:
            return self._end(turn.failed(failures.lost_conversation()), stop=True)
        self._session = session
        if turn.bound == session:
            return []
        turn.bound = session
        return [SessionBound(session)]

    def _streamed(self, message: Message) -> Sequence[Output]:
        return self._turn.streamed(message) if self._turn else []

    def _assistant(self, message: Message) -> Sequence[Output]:
        return self._turn.assistant(message) if self._turn else []

    def _user(self, message: Message) -> Sequence[Output]:
        if self._turn is None:
            return []
        said = self._turn.user(message)
        return [*said, *self._end(self._turn.unheeded(), stop=True)] if self._turn.breached else said

    def _result(self, message: Message) -> Sequence[Output]:
        before, self._cost = self._cost, json_lines.amount(message.get("total_cost_usd"))
        return self._end(self._turn.finished(message, before)) if self._turn else []

    def _end(self, said: list[Output], stop: bool = False) -> list[Output]:
        """The turn is over; if `stop`, claude has yet to learn it."""
        self._turn = None
        self._asks.clear()
        if stop:
            self._stop()
        return said

    def _asked(self, message: Message) -> Sequence[Output]:
        """A request of claude's. Each is answered, by a refusal at once or when its ask is: silence hangs it."""
        request_id, request = json_lines.text(message, "request_id"), message.get("request")
        subtype = request.get("subtype") if isinstance(request, dict) else None
        if subtype == "hook_callback":
            return self._vet(request_id, message["request"])
        if subtype == "can_use_tool" and self._turn:
            return self._ask(self._turn, request_id, message["request"])
        self._refuse(request_id)
        return []

    def _ask(self, turn: Turn, request_id: str, request: Message) -> Sequence[Output]:
        try:
            ask = asks.asked(request_id, request)
        except Malformed:
            self._refuse(request_id)
            raise
        self._asks[request_id] = "prompt", request
        return turn.asked(ask, request.get("tool_use_id"))

    def _vet(self, request_id: str, request: Message) -> Sequence[Output]:
        """A tool is about to be used. A refusal would be no denial here, so there is always a decision."""
        given, turn = request.get("input"), self._turn
        if turn is None or not isinstance(given, dict) or not isinstance(given.get("tool_name"), str):
            self._reply(request_id, _of_hook(request, Verdict(False, "clinvk does not know what this is for")))
            return []
        ask = asks.vetted(request_id, given)
        turn.vetted(str(request.get("tool_use_id")))
        if not asks.needs_leave(turn.spec, ask):
            self._reply(request_id, {})
            return []
        self._asks[request_id] = "hook", request
        return turn.asked(ask, request.get("tool_use_id"))

    def _answered(self, message: Message) -> Sequence[Output]:
        match message.get("response"):
            case {"request_id": "hello", "subtype": "success"}:
                self._greeted = True
                if self._turn and not self._turn.prompted:
                    self._prompt(self._turn)
            case {"request_id": "hello", **rest}:
                self._ended = True  # nothing can begin on it any more
                if self._turn is None:
                    return []
                sentence = f"claude does not let itself be set up{failures.detail_of(str(rest.get('error', '')))}"
                return self._end(self._turn.failed(RunError(ErrorCode.PROTOCOL, sentence)))
            case {"request_id": "cost", "response": {"session": {"total_cost_usd": total}}}:
                self._cost = json_lines.amount(total)
            case {"request_id": str()}:
                pass
            case _:
                raise Malformed("response")
        return []

    def _withdrawn(self, message: Message) -> Sequence[Output]:
        self._asks.pop(json_lines.text(message, "request_id"), None)
        return []

    def _refuse(self, request_id: str) -> None:
        response = {"subtype": "error", "request_id": request_id, "error": "clinvk does not offer this"}
        self._send(type="control_response", response=response)

    _READERS: ClassVar[Mapping[str, Callable[["ClaudeDialogue", Message], Sequence[Output]]]] = MappingProxyType(
        {
            "system": _system,
            "stream_event": _streamed,
            "assistant": _assistant,
            "user": _user,
            "result": _result,
            "control_request": _asked,
            "control_response": _answered,
            "control_cancel_request": _withdrawn,
        }
    )


def _of_prompt(request: Message, verdict: Verdict) -> Message:
    if verdict.allowed:
        return {"behavior": "allow", "updatedInput": request.get("input")}
    return {"behavior": "deny", "message": verdict.reason}


def _of_hook(_request: Message, verdict: Verdict) -> Message:
    if verdict.allowed:
        return {}  # no decision: claude's own rules are next
    decision = {"permissionDecision": "deny", "permissionDecisionReason": verdict.reason}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **decision}}


_DECISIONS: Final[Mapping[str, Callable[[Message, Verdict], Message]]] = MappingProxyType(
    {"prompt": _of_prompt, "hook": _of_hook}
)
