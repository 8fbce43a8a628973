"""codex's app-server, from our side: conversations ("threads"), turns, and what it asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from clinvk.backends import failures, json_lines
from clinvk.backends.base import Outgoing, Said, TurnId
from clinvk.backends.codex import command, text
from clinvk.backends.codex.turn import Turn
from clinvk.backends.json_lines import Message
from clinvk.backends.rpc import Peer, Reply, RequestId
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import ApprovalAsked, Notice, Output, SessionBound
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec

_HELLO: Final = MappingProxyType({"clientInfo": {"name": "clinvk", "title": "clinvk", "version": "0.1.0"}})

_ASKS: Final = MappingProxyType(
    {
        "item/commandExecution/requestApproval": ("shell", "execute"),
        "item/fileChange/requestApproval": ("apply_patch", "edit"),
    }
)
# What codex may want of a person beyond leave: nobody is there, and each of these says so in its own way.
_DECLINED: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "item/permissions/requestApproval": {"permissions": {}, "scope": "turn"},
        "item/tool/requestUserInput": {"answers": {}},
        "item/tool/call": {"contentItems": [], "success": False},
        "mcpServer/elicitation/request": {"action": "decline", "content": None, "_meta": None},
    }
)
# Notifications that nobody needs to hear of begin with one of these.
_QUIET: Final = (
    "account/", "app/", "autoApprovalReview/", "command/", "deprecationNotice", "externalAgentConfig/", "fs/",
    "fuzzyFileSearch/", "hook/", "item/", "mcpServer/", "model/", "modelProvider/", "process/", "project/",
    "rawResponse", "remoteControl/", "serverRequest/", "skills/", "thread/", "turn/", "windows",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Thread:
    """A conversation as it was opened: with what, and whether codex said that it has no sandbox."""

    fixed: Message
    unconfined: bool


class CodexDialogue:
    """One app-server. It takes one turn at a time, in any number of conversations."""

    capacity = 1

    def __init__(self) -> None:
        self._peer = Peer(self._told, self._asked)
        self._turn: Turn | None = None
        self._asks: dict[str, RequestId] = {}
        self._open: dict[str, _Thread] = {}
        """The conversations that were opened here, by their ids."""
        self._ready = self._logged_out = False
        self._ended = False

    @property
    def ready(self) -> bool:
        return self._ready

    def open(self) -> None:
        self._peer.call("initialize", {**_HELLO}, self._greeted)

    def fit(self, spec: RunSpec) -> Start | None:
        if self._turn or self._ended or self._logged_out:
            return None
        if spec.resume not in self._open:
            return Start.WARM
        # What it was opened with cannot be changed here.
        return Start.LIVE if self._open[spec.resume].fixed == command.fixed(spec) else None

    def begin(self, turn: TurnId, spec: RunSpec) -> None:
        assert self.fit(spec), "the child is busy or gone"
        self._turn = Turn(turn, spec)
        if self._ready:
            self._open_thread(self._turn)

    def interrupt(self, turn: TurnId) -> bool:
        if self._turn is None or self._turn.id != turn:
            return False
        self._turn.unwanted = True
        self._interrupt(self._turn)
        return True

    def answer(self, turn: TurnId, ask_id: str, verdict: Verdict) -> None:
        if self._turn and self._turn.id == turn and ask_id in self._asks:
            decision = "accept" if verdict.allowed else "decline"
            self._peer.reply(self._asks.pop(ask_id), {"decision": decision})

    def receive(self, data: bytes) -> list[Said]:
        return self._peer.receive(data)

    def outgoing(self) -> Outgoing:
        return self._peer.outgoing()

    def exited(self, exit_: Exit) -> list[Said]:  # noqa: ARG002  how it ended changes nothing of what it said
        said = self._peer.rest()
        if self._turn:
            said += [Said(self._turn.id, output) for output in self._turn.broken_off()]
        self._turn, self._ended = None, True
        return said

    # Before the turn: each step waits for the answer to the one before.

    def _greeted(self, reply: Reply) -> list[Said]:
        if reply.error is not None:
            self._ended = True  # nothing can begin on it any more
            return self._failed(self._turn, ErrorCode.PROTOCOL, "codex refused the handshake", reply.error)
        self._peer.notify("initialized")
        self._peer.call("account/read", {}, self._account_known)
        return []

    def _account_known(self, reply: Reply) -> list[Said]:
        self._logged_out = reply.result.get("requiresOpenaiAuth") is True and reply.result.get("account") is None
        self._ready = True
        return self._open_thread(self._turn) if self._turn else []

    def _open_thread(self, turn: Turn) -> list[Said]:
        """Without a login codex would send the prompt all the same, and then try it over and over."""
        if self._logged_out:
            return self._say(turn, turn.end(error=failures.not_logged_in(text.CURES)))
        resume = turn.spec.resume
        if resume in self._open:
            turn.conversation = resume
            self._start_turn(turn, resume)
        else:
            self._peer.call(*command.thread(turn.spec), lambda reply: self._opened(turn, reply))
        return []

    def _opened(self, turn: Turn, reply: Reply) -> list[Said]:
        if turn is not self._turn:
            return []
        match reply.result.get("thread"):
            case {"id": str(conversation)} if reply.error is None:
                return self._bound(turn, conversation, reply.result.get("sandbox"))
            case _:
                return self._not_opened(turn, reply.error or {})

    def _not_opened(self, turn: Turn, error: Message) -> list[Said]:
        if turn.spec.resume and text.lost(error):
            return self._say(turn, turn.end(error=failures.lost_conversation(_message(error))))
        sentence = "codex could not open the conversation"
        return self._failed(turn, ErrorCode.BACKEND_FAILED, sentence, error)

    def _bound(self, turn: Turn, conversation: str, sandbox: Any) -> list[Said]:
        if turn.spec.resume and conversation != turn.spec.resume:
            lost = failures.lost_conversation(f"it gave {conversation} for {turn.spec.resume}")
            return self._say(turn, turn.end(error=lost))
        turn.conversation = conversation
        bound = self._say(turn, [])
        if turn.unwanted:  # its prompt is never sent
            stopped = RunError(ErrorCode.BACKEND_FAILED, "The turn was stopped before it began")
            return bound + self._say(turn, turn.end(error=stopped))
        unconfined = isinstance(sandbox, dict) and sandbox.get("type") == "dangerFullAccess"
        self._open[conversation] = _Thread(command.fixed(turn.spec), unconfined)
        self._start_turn(turn, conversation)
        return bound

    def _start_turn(self, turn: Turn, conversation: str) -> None:
        params = command.turn(turn.spec, conversation, self._open[conversation].unconfined)
        self._peer.call("turn/start", params, lambda reply: self._started(turn, reply))

    def _started(self, turn: Turn, reply: Reply) -> list[Said]:
        if turn is not self._turn:
            return []
        match reply.result.get("turn"):
            case {"id": str(native)} if reply.error is None:
                self._named(turn, native)
                return self._say(turn, [])
            case _:
                sentence = "codex could not begin the turn"
                return self._failed(turn, ErrorCode.BACKEND_FAILED, sentence, reply.error or {})

    def _named(self, turn: Turn, native: str) -> None:
        """codex's id of the turn is known, by the answer or by the notification that comes about then."""
        if turn.native is None:
            turn.native = native
            if turn.unwanted:
                self._interrupt(turn)

    def _interrupt(self, turn: Turn) -> None:
        """Nothing before the turn has its name: it is remembered."""
        if turn.native is not None:
            params = {"threadId": turn.conversation, "turnId": turn.native}
            self._peer.call("turn/interrupt", params, lambda _: [])  # the turn's own end tells

    # During the turn.

    def _told(self, method: str, params: Message) -> list[Said]:
        turn = self._turn
        if method == "configWarning":
            return _config_warning(params)
        if turn is not None and method == "account/rateLimits/updated":
            turn.resets_at = _resets_at(params) or turn.resets_at
            return []
        if not method.startswith(_QUIET) and method not in {"error", "warning", "guardianWarning"}:
            return [Said(None, Notice(f"codex wrote of something unknown: {method}"))]
        if turn is None or turn.conversation is None or params.get("threadId") != turn.conversation:
            return []  # another agent's, or of a turn that has ended
        if method == "turn/started":
            self._named(turn, json_lines.text(_object(params.get("turn")), "id"))
        if method not in {"warning", "guardianWarning"} and _turn_of(params) != turn.native:
            return []  # on resuming, codex tells the usage of the turn before
        return self._say(turn, turn.hear(method, params))

    def _asked(self, request: RequestId, method: str, params: Message) -> list[Said] | None:
        declined = _DECLINED.get(method)
        if declined is not None:
            self._peer.reply(request, {**declined})
            return [
                Said(self._turn.id if self._turn else None, Notice(f"clinvk declined what codex asked: {method}"))
            ]
        if method not in _ASKS:
            return None
        turn = self._turn
        if turn is None or params.get("threadId") != turn.conversation or params.get("turnId") != turn.native:
            self._peer.reply(request, {"decision": "decline"})  # an agent of the agent, or a turn that has ended
            return []
        tool, action = _ASKS[method]
        ask = f"ask-{request}"
        self._asks[ask] = request
        detail = next(
            (each for each in (params.get("command"), params.get("reason")) if isinstance(each, str)), None
        )
        paths = turn.touched(params.get("itemId")) if action == "edit" else ()
        return self._say(turn, [ApprovalAsked(ask, tool, action, paths, detail)])

    def _say(self, turn: Turn, outputs: list[Output]) -> list[Said]:
        """`outputs` of the turn, after its conversation; where they end it, there is none any more."""
        if turn.conversation is not None and not turn.bound:
            turn.bound = True
            outputs = [SessionBound(turn.conversation), *outputs]
        if turn.over:
            if turn.unwanted:
                self._interrupt(turn)
            self._turn = None
            self._asks.clear()
        return [Said(turn.id, output) for output in outputs]

    def _failed(self, turn: Turn | None, code: ErrorCode, sentence: str, error: Message) -> list[Said]:
        if turn is None:
            return [Said(None, Notice(f"{sentence}{failures.detail_of(_message(error))}"))]
        failed = RunError(code, f"{sentence}{failures.detail_of(_message(error))}")
        return self._say(turn, turn.end(error=failed))


def _object(value: Any) -> Message:
    return value if isinstance(value, dict) else {}


def _message(error: Message) -> str:
    message = error.get("message")
    return message if isinstance(message, str) else ""


def _turn_of(params: Message) -> Any:
    return params.get("turnId") or _object(params.get("turn")).get("id")


def _config_warning(params: Message) -> list[Said]:
    """What is wrong with the user's configuration; not that codex uses the sandbox program it brings along."""
    summary = json_lines.text(params, "summary")
    details = params.get("details")
    said = f"{summary}{failures.detail_of(details if isinstance(details, str) else '')}"
    return [] if "bubblewrap" in summary else [Said(None, Notice(said))]


def _resets_at(params: Message) -> float | None:
    """When the last of the used-up windows of the account begins anew, in seconds since the epoch."""
    windows = [_object(_object(params.get("rateLimits")).get(name)) for name in ("primary", "secondary")]
    full = [window for window in windows if (json_lines.amount(window.get("usedPercent")) or 0) >= 100]
    return max((json_lines.amount(window.get("resetsAt")) or 0 for window in full), default=None) or None
