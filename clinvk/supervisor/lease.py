"""A lease: a run's use of a child."""

import asyncio
from collections.abc import Callable

from clinvk.backends.base import Backend
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import LineTooLong
from clinvk.domain.events import Output, TurnDone
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec
from clinvk.supervisor.child import Child
from clinvk.supervisor.slots import Ticket


class Lease:
    """A run's use of a child, from its first byte to the turn's end or the child's exit."""

    def __init__(self, child: Child, marker: str, backend: Backend, ticket: Ticket) -> None:
        self.child = child
        self.marker = marker
        self.backend = backend
        self.ticket = ticket
        self.start = Start.COLD
        self.turn = ""
        self.over: asyncio.Future[TurnDone | Exit] = asyncio.get_running_loop().create_future()
        """The first of the turn's end and the child's exit."""

    def begin(
        self,
        turn: str,
        spec: RunSpec,
        emit: Callable[[Output], None],
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

    def heard(self, output: Output) -> None:
        if self.over.done():
            return
        if isinstance(output, TurnDone):
            self.over.set_result(output)  # before it is told: who hears of it finds the turn over
        self._emit(output)

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
