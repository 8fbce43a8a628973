"""A child that is kept, and a lease: a run's use of it."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from clinvk import processes
from clinvk.backends.base import Backend, Residue
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode, LineTooLong, RunError
from clinvk.domain.events import SUBSTANCE, Notice, Output, SessionBound, TurnDone
from clinvk.domain.run import Continuation, Exit, Start
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import sites, stamps
from clinvk.supervisor.child import Child, OutputClosed
from clinvk.supervisor.slots import Ticket
from clinvk.supervisor.stamps import Stamp
from clinvk.views import CommandView

Key = tuple[object, ...]
"""All that shapes a child before its first turn: two runs with one key could have one child."""


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a child was started with.

    `folder` is its own, `variables` is its environment, of which `added` was set for its backend. `leaves` is as
    in `Command`.
    """

    backend: Backend
    marker: str
    folder: str
    command: CommandView
    variables: Mapping[str, str]
    added: Mapping[str, str]
    leaves: tuple[Residue, ...] = ()


class Kept:
    """A child from its start to its end, over all the turns that it takes."""

    def __init__(self, child: Child, outfit: Outfit, key: Key) -> None:
        self.child = child
        self.outfit = outfit
        self.key = key
        self.litter: tuple[str, ...] = ()
        """Folders that were nobody's, and that its turn may leave behind empty."""
        self.turns = 0
        self.conversation: str | None = None
        """The one it is kept for; None while it may be anybody's."""
        self.history: Mapping[str, Stamp | None] | None = None
        """The files that hold that conversation, as it left them; None before anybody has looked."""
        self.last: str | None = None
        """That of its last turn."""
        self.own: set[tuple[int, int]] = set()
        """Its processes, by pid and start, that no turn of it has begun: itself, and what serves it."""
        self.has_begun = False
        """Whether it had others when it was last looked after."""
        self.files: Mapping[str, Stamp | None] = {}
        """What of its folder is not a turn's doing."""
        self.to_sweep: list[str] = []
        """Conversations that its CLI was to keep nothing of."""
        self.idle_since = 0.0
        self.memory = 0
        """Bytes that it held when it was last looked at."""

    @property
    def backend(self) -> Backend:
        return self.outfit.backend

    @property
    def marker(self) -> str:
        return self.outfit.marker

    @property
    def is_current(self) -> bool:
        """Whether nobody else has gone on with its conversation."""
        return all(stamps.stamp(path) == was for path, was in (self.history or {}).items())

    def note_own(self, since: float = -1.0) -> None:
        """Whatever it has begun after `since`, in clock ticks since boot, is of no turn's doing.

        A tool never is its own: it has a session to itself.
        """
        with contextlib.suppress(OSError):  # it has ended, or nobody can look: then it has no more than before
            rows = [processes.read(self.child.pid), *processes.tree(self.child.pid).values()]
            inside = {(row.pid, row.started) for row in rows if row and row.sid == self.child.pid}
            self.own = {each for each in inside if each in self.own or each[1] > since}
            self.files = sites.contents(self.outfit.folder)


@dataclass(frozen=True, slots=True)
class Want:
    """What a run wants of a child."""

    backend: Backend
    spec: RunSpec
    key: Key


class Lease:
    """A run's use of a child, from its first byte to the turn's end or the child's exit."""

    def __init__(self, kept: Kept, want: Want, start: Start, ticket: Ticket) -> None:
        self.kept = kept
        self.child = kept.child
        self.outfit = kept.outfit
        self.marker = kept.marker
        self.backend = want.backend
        self.spec = want.spec
        self.want = want
        self.ticket = ticket
        self.start = start
        self.saved_secs = kept.child.startup_secs if start is not Start.COLD else 0.0
        """What its child's start took, or has taken so far: before this run, that is."""
        self._since = processes.now() if self.kept.turns else -1.0
        """What its child has begun before is of this conversation only where no turn was before it."""
        self.conversation: str | None = None
        """The backend's id of it, once it is told."""
        self.turn = ""
        self.on_words: Callable[[], None] | None = None
        """Called at the first words of the answer."""
        self.on_exit: Callable[[Exit], None] | None = None
        """Called when the child ends, unless others had it by then."""
        self.over: asyncio.Future[TurnDone | Exit] = asyncio.get_running_loop().create_future()
        """The first of the turn's end and the child's exit."""
        self.child.ended.add_done_callback(self._ended)

    @property
    def forgets(self) -> bool:
        """Whether its CLI is to keep nothing of the conversation."""
        return self.spec.ephemeral and not self.spec.resume

    @property
    def continuation(self) -> Continuation | None:
        """How its turn goes on with an earlier conversation; None where there was none to go on with."""
        if self.spec.resume:
            return Continuation.LIVE if self.start is Start.LIVE else Continuation.RESUMED
        return Continuation.FRESH if self.spec.fresh_if_lost else None

    @property
    def ended_by_exit(self) -> bool:
        """Whether the child's exit, not the turn's end, was the end of it."""
        return self.over.done() and not self.over.exception() and isinstance(self.over.result(), Exit)

    @property
    def ended_well(self) -> bool:
        """Whether its turn is over without an error, and its child serves on."""
        done = self.over.result()
        return isinstance(done, TurnDone) and done.error is None and self.child.is_heard

    @property
    def can_be_followed(self) -> bool:
        """Whether another turn may come for its child, which has done this one well."""
        following = self.spec if self.forgets else replace(self.spec, resume=self.conversation)
        return (
            self.conversation is not None
            and (self.backend.traits.conversations or not self.forgets)
            and self.child.dialogue.fit(following) is not None
        )

    @property
    def came_to_nothing(self) -> bool:
        """Whether a child that was there before ended without a sign that it had heard of the turn."""
        return self.start is not Start.COLD and self.ended_by_exit and not self._heard_of

    def begin(
        self, turn: str, emit: Callable[[Sequence[Output]], None], overflowed: Callable[[LineTooLong], None]
    ) -> None:
        """Start the turn; `emit` gets its output up to and including `turn.done`, nothing after it."""
        self.turn = turn
        self._emit = emit
        self._overflowed = overflowed
        self._heard_of = False
        self.child.begin(turn, lambda: self.child.dialogue.begin(turn, self.spec), self)

    def part(self) -> None:
        """The turn is over and the child goes on: what becomes of it is no more of this run's business."""
        self.child.resume()
        self.child.leave(self.turn)
        self.child.ended.remove_done_callback(self._ended)

    def answer(self, ask_id: str, verdict: Verdict) -> None:
        self.child.converse(lambda: self.child.dialogue.answer(self.turn, ask_id, verdict))

    def heard(self, outputs: Sequence[Output]) -> None:
        if self.over.done():
            return
        for place, output in enumerate(outputs):
            if isinstance(output, SessionBound):
                self.conversation = output.backend_session_id
                if self.start is not Start.LIVE and self.backend.traits.binds_first:
                    self.kept.note_own(self._since)
            elif isinstance(output, TurnDone):
                self._pass_on(outputs[:place])
                self.over.set_result(output)  # before it is told: who hears of it finds the turn over
                self._pass_on([output])
                return
        self._pass_on(outputs)

    def _pass_on(self, outputs: Sequence[Output]) -> None:
        self._heard_of = self._heard_of or not all(isinstance(output, Notice) for output in outputs)
        self._emit(outputs)
        if self.on_words and any(isinstance(output, SUBSTANCE) for output in outputs):
            on_words, self.on_words = self.on_words, None
            on_words()

    def broken(self, error: Exception) -> None:
        if self.over.done():
            return
        if isinstance(error, LineTooLong):
            self._overflowed(error)
        elif isinstance(error, OutputClosed):
            self.heard([TurnDone(error=RunError(ErrorCode.PROTOCOL, str(error)))])
        else:
            self.over.set_exception(error)

    def exited(self, exit_: Exit) -> None:
        if not self.over.done():
            self.over.set_result(exit_)

    def _ended(self, ended: "asyncio.Future[Exit]") -> None:
        if self.on_exit:
            self.on_exit(ended.result())
