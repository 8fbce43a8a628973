"""The Agent Client Protocol from the client's side: one agent process, its conversations and turns."""

from typing import Any, Final

from clinvk.backends import failures, json_lines
from clinvk.backends.acp import endings
from clinvk.backends.acp.quirks import Quirks
from clinvk.backends.acp.turn import OverLimit, Turn
from clinvk.backends.base import Outgoing, Said, TurnId
from clinvk.backends.json_lines import Malformed, Message
from clinvk.backends.rpc import Peer, Reply, RequestId
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import Notice, Output, SessionBound, TurnDone, UsageReported
from clinvk.domain.run import Exit, Start, StopReason
from clinvk.domain.spec import RunSpec

_PROTOCOL_VERSION: Final = 1
_BAD_PARAMS: Final = -32602
_HELLO: Final[Message] = {
    "protocolVersion": _PROTOCOL_VERSION,
    "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
    "clientInfo": {"name": "clinvk", "version": "1"},
}


class AcpDialogue:
    """One agent. A turn opens or loads its conversation, unless that is the idle one of a turn before."""

    capacity = 8

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._peer = Peer(self._told, self._asked, {"jsonrpc": "2.0"})
        self._ready = False
        self._ended = False
        self._turns: dict[TurnId, Turn] = {}
        self._idle: dict[str, str] = {}
        """Conversations that were opened here, and what the agent calls them."""

    @property
    def ready(self) -> bool:
        return self._ready

    def open(self) -> None:
        self._peer.call("initialize", _HELLO, self._opened)

    def fit(self, spec: RunSpec) -> Start | None:
        taken = spec.resume is not None and any(turn.name == spec.resume for turn in self._turns.values())
        if self._ended or taken or len(self._turns) >= self.capacity:
            return None
        return Start.LIVE if spec.resume in self._idle else Start.WARM

    def begin(self, turn: TurnId, spec: RunSpec) -> None:
        assert self.fit(spec), "the child is busy or gone"
        self._turns[turn] = Turn(turn, spec, self._quirks, spec.resume)
        if self._ready:
            self._place(self._turns[turn])

    def interrupt(self, turn: TurnId) -> bool:
        """Cancel; a turn that has no conversation yet ends, unsent, as soon as it would have one."""
        open_turn = self._turns.get(turn)
        if open_turn is None:
            return False
        open_turn.stopping = True
        if open_turn.prompted:
            self._cancel(open_turn)
        return True

    def answer(self, turn: TurnId, ask_id: str, verdict: Verdict) -> None:
        open_turn = self._turns.get(turn)
        ask = open_turn.asks.pop(ask_id, None) if open_turn else None
        if ask:
            option = ask.allow if verdict.allowed and ask.allow is not None else ask.reject
            self._peer.reply(ask.request, {"outcome": _selected(option)})

    def receive(self, data: bytes) -> list[Said]:
        return self._heeded(self._peer.receive(data))

    def outgoing(self) -> Outgoing:
        return self._peer.outgoing()

    def exited(self, exit_: Exit) -> list[Said]:  # noqa: ARG002  how it ended changes nothing of what it said
        said = self._heeded(self._peer.rest())
        for turn in self._turns.values():
            # It never said a word in a turn of which only the conversation is known, and that from before.
            unsaid = [output for output in turn.unsaid() if not isinstance(output, SessionBound)]
            said += _by(turn, [*unsaid, *turn.blocks.close()])
        self._turns.clear()
        self._ended = True
        return said

    def _opened(self, reply: Reply) -> list[Said]:
        """The handshake is answered: begin what waits, or end it all."""
        if reply.error is not None:
            return self._end_all(self._failure(reply.error))
        if reply.result.get("protocolVersion") != _PROTOCOL_VERSION:
            return self._end_all(_broken("speaks a version of the protocol that clinvk does not"))
        self._ready = True
        waiting = list(self._turns.values())
        return [said for turn in waiting for said in self._placed(turn)]

    def _placed(self, turn: Turn) -> list[Said]:
        if turn.stopping:
            return self._end(turn, TurnDone())
        self._place(turn)
        return []

    def _place(self, turn: Turn) -> None:
        """Get the turn its conversation."""
        where: Message = {"cwd": turn.spec.workdir, "mcpServers": []}
        resume = turn.spec.resume
        if resume is None:
            self._peer.call("session/new", where, lambda reply: self._created(turn, reply))
        elif resume in self._idle:
            turn.say(SessionBound(resume))
            turn.session = self._idle.pop(resume)
            self._prompt(turn, turn.session, resume)
        else:
            turn.session = self._quirks.load_as(resume)
            load = {"sessionId": turn.session, **where}
            self._peer.call("session/load", load, lambda reply: self._loaded(turn, reply))

    def _created(self, turn: Turn, reply: Reply) -> list[Said]:
        if reply.error is not None:
            return self._end(turn, TurnDone(None, self._failure(reply.error)))
        session = reply.result.get("sessionId")
        if not isinstance(session, str):
            return self._end(turn, TurnDone(None, _broken("opened a conversation that has no id")))
        turn.session = turn.name = session
        return self._bound(turn)

    def _loaded(self, turn: Turn, reply: Reply) -> list[Said]:
        if reply.error is not None:
            error = self._failure(reply.error)
            if error.code is ErrorCode.BACKEND_FAILED:  # what has a cause of its own is not lost
                error = failures.lost_conversation(endings.words_of(reply.error))
            return self._end(turn, TurnDone(None, error))
        turn.loaded = True
        if turn.replayed or not self._quirks.fenced:
            return self._bound(turn)
        return []

    def _replayed(self, turn: Turn) -> list[Said]:
        """The history has gone by, if the agent sent any."""
        turn.replayed = True
        return self._bound(turn) if turn.loaded else []

    def _bound(self, turn: Turn) -> list[Said]:
        """The turn has its conversation."""
        name, session = turn.name, turn.session
        assert name is not None, "a conversation has a name to the world"
        assert session is not None, "and one to the agent"
        if self._turns.get(turn.id) is not turn:
            return []
        said = _by(turn, [SessionBound(name)])
        if turn.stopping:
            return [*said, *self._end(turn, TurnDone())]
        self._prompt(turn, session, name)
        return said

    def _prompt(self, turn: Turn, session: str, name: str) -> None:
        turn.prompted = True
        prompt = {"sessionId": session, "prompt": turn.prompt()}

        def prompted(reply: Reply) -> list[Said]:
            self._idle[name] = session
            return self._prompted(turn, reply)

        self._peer.call("session/prompt", prompt, prompted)

    def _prompted(self, turn: Turn, reply: Reply) -> list[Said]:
        """The agent is done with the prompt."""
        if self._turns.get(turn.id) is not turn:
            return []  # it was over its limit, and is told already
        if reply.error is not None:
            return self._end(turn, TurnDone(None, self._failure(reply.error)))
        usage = self._quirks.usage(reply.result)
        if usage:
            turn.say(UsageReported(usage))
        done = endings.stopped(reply.result.get("stopReason"), turn.spec, turn.stopping)
        broken = self._quirks.unfinished(reply.result) if done.stop_reason is StopReason.END_TURN else None
        return self._end(turn, TurnDone(None, broken) if broken else done)

    def _told(self, method: str, params: Message) -> list[Said]:
        if method.startswith("_"):
            return []  # an extension of the protocol, which nobody has to know
        if method != "session/update":
            raise Malformed("method")
        turn, update = self._of(params), params.get("update")
        if not isinstance(update, dict):
            raise Malformed("update")
        if turn is None:
            return []
        if not turn.prompted:
            over = update.get("sessionUpdate") == "available_commands_update" and self._quirks.fenced
            return self._replayed(turn) if over else []
        try:
            outputs = turn.update(update)
        except OverLimit:
            return self._over_limit(turn)
        return _by(turn, [*turn.unsaid(), *outputs])

    def _asked(self, request: RequestId, method: str, params: Message) -> list[Said] | None:
        if method != "session/request_permission":
            return None
        turn = self._of(params)
        if turn is None or not turn.prompted or turn.stopping:
            self._peer.reply(request, {"outcome": _selected(None)})
            return []
        try:
            outputs = turn.ask(request, params)
        except OverLimit:
            self._peer.reply(request, {"outcome": _selected(None)})
            return self._over_limit(turn)
        except Malformed:
            self._peer.refuse(request, "clinvk does not understand what is asked", _BAD_PARAMS)
            raise
        return _by(turn, [*turn.unsaid(), *outputs])

    def _of(self, params: Message) -> Turn | None:
        """The turn of the conversation that `params` names. Raises Malformed."""
        session = json_lines.text(params, "sessionId")
        return next((turn for turn in self._turns.values() if turn.session == session), None)

    def _over_limit(self, turn: Turn) -> list[Said]:
        self._cancel(turn)
        limit = turn.spec.max_turns
        assert limit is not None, "a turn without a limit is never over it"
        return self._end(turn, TurnDone(StopReason.MAX_TURNS, failures.turn_limit(limit)))

    def _cancel(self, turn: Turn) -> None:
        """Cancel by protocol: every ask that waits has to be told."""
        self._peer.notify("session/cancel", {"sessionId": turn.session})
        for ask in turn.asks.values():
            self._peer.reply(ask.request, {"outcome": _selected(None)})
        turn.asks.clear()

    def _end(self, turn: Turn, done: TurnDone) -> list[Said]:
        if self._turns.get(turn.id) is not turn:
            return []
        del self._turns[turn.id]
        return _by(turn, [*turn.abandoned(), *turn.unsaid(), *turn.blocks.close(), done])

    def _end_all(self, error: RunError) -> list[Said]:
        """The agent is of no use: nothing can begin on it any more."""
        self._ended = True
        return [said for turn in list(self._turns.values()) for said in self._end(turn, TurnDone(None, error))]

    def _failure(self, error: Message) -> RunError:
        return self._quirks.failure(error, self._quirks.cures) or endings.failed(error, self._quirks.cures)

    def _heeded(self, said: list[Said]) -> list[Said]:
        """What was said; a line outside the protocol may mean that nothing more will come."""
        for one in said:
            stray = self._quirks.stray(one.output.message) if isinstance(one.output, Notice) else None
            if stray:
                return [*said, *self._end_all(stray)]
        return said


def _by(turn: Turn, outputs: list[Output]) -> list[Said]:
    return [Said(turn.id, output) for output in outputs]


def _selected(option: str | None) -> dict[str, Any]:
    return {"outcome": "cancelled"} if option is None else {"outcome": "selected", "optionId": option}


def _broken(what: str) -> RunError:
    return RunError(ErrorCode.PROTOCOL, f"The agent {what}; look for another version of it, or of clinvk")
