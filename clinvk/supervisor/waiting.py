"""Those who wait for the next entries of a log."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from clinvk.domain.events import Entry

_log = logging.getLogger("clinvk.log")

Take = Callable[[Sequence[Entry]], bool]
"""What a reader who has all there is does with the next entries, and whether it will take those after them too.

It does not wait, and what it leaves it reads from the log.
"""


class _Reader:
    """One who waits. `has_missed` says that there was more, in the turn of the loop in which it took something."""

    __slots__ = ("future", "has_missed", "take")

    def __init__(self, take: Take | None) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.take = take
        self.has_missed = False

    def goes_on(self, entries: Sequence[Entry] = ()) -> bool:
        """Give it `entries`, if there are any. If it does not go on behind them, it is woken."""
        if self.future.done():
            return False
        if entries and self.take and _given(self.take, entries):
            return True
        self.future.set_result(None)
        return False


class Waiting:
    """Readers that are up to date. A future wakes them a turn of the loop later; who takes is told at once.

    That is once in a turn of the loop: what comes close behind is not to be a write for each, and so it is read
    from the log, all that is there by then.
    """

    def __init__(self) -> None:
        self._waiting: list[_Reader] = []
        self._resting: list[_Reader] = []
        """Those that took something in this turn of the loop."""

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting or self._resting)

    def add(self, take: Take | None = None) -> "asyncio.Future[None]":
        """Done when there is more than `take` takes, or nothing will ever come.

        Whoever waits no longer cancels it.
        """
        self._waiting = [reader for reader in self._waiting if not reader.future.done()]
        reader = _Reader(take)
        self._waiting.append(reader)
        return reader.future

    def wake(self, entries: Sequence[Entry] = (), *, alone: bool = False) -> None:
        """There are more: `entries`. Without any it is the end, and whoever waits is to see it.

        `alone` says that nothing else comes in this turn of the loop, so that nobody has to rest.
        """
        for reader in self._resting:
            reader.has_missed = True
        waiting, self._waiting = self._waiting, []
        took = [reader for reader in waiting if reader.goes_on(entries)]
        if alone:
            self._waiting += took
        elif took:
            if not self._resting:
                asyncio.get_running_loop().call_soon(self._end_rest)
            self._resting += took

    def _end_rest(self) -> None:
        resting, self._resting = self._resting, []
        self._waiting += [reader for reader in resting if not reader.has_missed or reader.goes_on()]


def _given(take: Take, entries: Sequence[Entry]) -> bool:
    try:
        return take(entries)
    except Exception:  # noqa: BLE001  it is one reader's fault: neither the run's nor the others'
        _log.exception("a reader could not take an entry")
        return False
