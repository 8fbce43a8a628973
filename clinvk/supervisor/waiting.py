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
    """One who waits. `late` is what came since it last took something, in the same turn of the loop."""

    __slots__ = ("future", "late", "take")

    def __init__(self, take: Take | None) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.take = take
        self.late: list[Entry] = []

    def goes_on(self, entries: Sequence[Entry]) -> bool:
        """Give it `entries`, if there are any. If it does not go on behind them, it is woken."""
        if self.future.done():
            return False
        if entries and self.take and _given(self.take, entries):
            return True
        self.future.set_result(None)
        return False


class Waiting:
    """Readers that are up to date. A future wakes them a turn of the loop later; who takes is told at once.

    A taker that had something gets what else comes in that turn of the loop together, in the next: entries that
    come one by one, but close behind each other, are not to be a write each.
    """

    def __init__(self) -> None:
        self._waiting: list[_Reader] = []
        self._resting: list[_Reader] = []
        """Takers that had something in this turn of the loop."""

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting or self._resting)

    def add(self, take: Take | None = None) -> "asyncio.Future[None]":
        """Done when there is more that `take` does not take, or nothing will ever come.

        Whoever waits no longer cancels it.
        """
        self._waiting = [reader for reader in self._waiting if not reader.future.done()]
        reader = _Reader(take)
        self._waiting.append(reader)
        return reader.future

    def wake(self, entries: Sequence[Entry] = ()) -> None:
        """There are more: `entries`. Without any it is the end, and whoever waits is to see it."""
        for reader in self._resting:
            if entries:
                reader.late += entries
            else:
                reader.goes_on(entries)
        waiting, self._waiting = self._waiting, []
        self._rest([reader for reader in waiting if reader.goes_on(entries)])

    def _rest(self, readers: list[_Reader]) -> None:
        if readers and not self._resting:
            asyncio.get_running_loop().call_soon(self._end_rest)
        self._resting += readers

    def _end_rest(self) -> None:
        resting, self._resting = self._resting, []
        self._waiting += [reader for reader in resting if not reader.late]
        self._rest([reader for reader in resting if reader.late and reader.goes_on(_taken(reader.late))])


def _taken(entries: list[Entry]) -> list[Entry]:
    """What is in the list, taken out of it."""
    taken = entries.copy()
    entries.clear()
    return taken


def _given(take: Take, entries: Sequence[Entry]) -> bool:
    try:
        return take(entries)
    except Exception:  # noqa: BLE001  it is one reader's fault: neither the run's nor the others'
        _log.exception("a reader could not take an entry")
        return False
