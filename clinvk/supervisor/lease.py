"""A lease: a run's use of a child."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from clinvk.backends.base import Backend
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import LineTooLong
from clinvk.domain.events import Output, SessionBound, TurnDone
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec
from clinvk.supervisor.child import Child
from clinvk.supervisor.slots import Ticket
from clinvk.views import CommandView


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a child was started with.

    `folder` is its own. `litter` are folders that were nobody's, and that it may leave behind empty.
    `swept` is its environment, where what its CLI keeps of the conversation shall be deleted after it; None where
    it may keep it.
    """

    backend: Backend
    marker: str
    folder: str
    command: CommandView
    litter: tuple[str, ...]
    swept: Mapping[str, str] | None


class Lease:
    """A run's use of a child, from its first byte to the turn's end or the child's exit."""

    def __init__(self, child: Child, outfit: Outfit, ticket: Ticket) -> None:
        self.child = child
        self.outfit = outfit
        self.marker = outfit.marker
        self.backend = outfit.backend
        self.ticket = ticket
        self.conversation: str | None = None
        """The backend's id of it, once it is told."""
        self.start = Start.COLD
        self.turn = ""
        self.over: asyncio.Future[TurnDone | Exit] = asyncio.get_running_loop().create_future()
        """The first of the turn's end and the child's exit."""

    def begin(
        self,
        turn: str,
        spec: RunSpec,
        emit: Callable[[Sequence[Output]], None],
        overflowed: Callable[[LineTooLong], None],
    ) -> None:
        """Start the turn; `emit` gets its output up to and including `turn.done`, nothing after it."""
        self.turn = turn
        self._emit = emit
        self._overflowed = overflowed
        if self.start is Start.COLD:
            self.child.open()
        self.child.begin(turn, lambda: self.child.dialogue.begin(turn, spec), self)

    def answer(self, ask_id: str, verdict: Verdict) -> None:
        self.child.converse(lambda: self.child.dialogue.answer(self.turn, ask_id, verdict))

    def heard(self, outputs: Sequence[Output]) -> None:
        if self.over.done():
            return
        for place, output in enumerate(outputs):
            if isinstance(output, SessionBound):
                self.conversation = output.backend_session_id
            elif isinstance(output, TurnDone):
                self._emit(outputs[:place])
                self.over.set_result(output)  # before it is told: who hears of it finds the turn over
                self._emit([output])
                return
        self._emit(outputs)

    def broken(self, error: Exception) -> None:
        if self.over.done():
            return
        if isinstance(error, LineTooLong):
            self._overflowed(error)
        else:
            self.over.set_exception(error)

    def exited(self, exit_: Exit) -> None:
        if not self.over.done():
            self.over.set_result(exit_)
