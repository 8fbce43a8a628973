"""The log of a group: what its runs said, in the order they said it. It holds references, not entries."""

import asyncio
from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from clinvk.domain.events import Entry, Event
from clinvk.supervisor.log import EventLog
from clinvk.supervisor.waiting import Take, Waiting

_AHEAD_BYTES: Final = 32 << 10
"""What is read of one run's log at a time: runs take turns, and most turns are short."""
_BATCH_BYTES: Final = 256 << 10


class GroupLog:
    """Entries 0, 1, 2… of the logs that were joined, each with the group's number and its run's own line.

    A turn is what one run said before another spoke: who, and which of its entries. It costs 20 bytes.
    """

    def __init__(self) -> None:
        self._logs: list[EventLog | None] = []
        self._heard: list[int] = []
        self._starts = array("Q")  # of each turn: the group's number of its first entry,
        self._speakers = array("I")  # whose it is,
        self._firsts = array("Q")  # and the number that this entry has there
        self._ahead: dict[int, list[Entry]] = {}
        self._last: Entry | None = None
        self._readers = Waiting()
        self.length = 0

    @property
    def closed(self) -> bool:
        return self._last is not None

    def expect(self) -> tuple[Callable[[Event], None], Callable[[EventLog], None]]:
        """For one more run: what shall be called with each of its events, and then once with its log."""
        speaker = len(self._logs)
        self._logs.append(None)
        self._heard.append(0)

        def attach(log: EventLog) -> None:
            self._logs[speaker] = log

        return lambda _: self._hear(speaker), attach

    def finish(self, entry: Entry) -> None:
        """Close the log with `entry`, which has the number that comes next."""
        self._last = entry
        self.length += 1
        self._readers.wake([entry])
        self._readers.wake()

    async def read(self, since: int = 0) -> list[Entry]:
        """Entries from number `since`, about 256 KiB of them; none where there are no more yet."""
        batch: list[Entry] = []
        size = 0
        turn = bisect_right(self._starts, since) - 1
        while 0 <= turn < len(self._starts) and size < _BATCH_BYTES:
            found = await self._read_turn(turn, since)
            batch += found
            size += sum(len(entry.line) for entry in found)
            if found and found[-1].seq + 1 < self._end(turn):
                since = found[-1].seq + 1  # there is more of it
            else:
                turn += 1
        if self._last and size < _BATCH_BYTES and since <= self._last.seq:
            batch.append(self._last)
        return batch

    def changed(self, take: Take | None = None) -> "asyncio.Future[None]":
        """Done with the next entry that `take` does not take, or at the log's end: see `Waiting.add`."""
        return self._readers.add(take)

    def _hear(self, speaker: int) -> None:
        if not self._speakers or self._speakers[-1] != speaker:
            self._starts.append(self.length)
            self._speakers.append(speaker)
            self._firsts.append(self._heard[speaker])
        self._heard[speaker] += 1
        self.length += 1
        log = self._logs[speaker]
        self._readers.wake([log.newest._replace(seq=self.length - 1)] if log else ())

    def _end(self, turn: int) -> int:
        """The group's number behind the last entry of a turn."""
        if turn + 1 < len(self._starts):
            return self._starts[turn + 1]
        return self.length - self.closed

    async def _read_turn(self, turn: int, since: int) -> list[Entry]:
        """What there is of a turn from the group's number `since` on; of what was lost, the notice of it."""
        speaker, start = self._speakers[turn], self._starts[turn]
        shift = start - self._firsts[turn]
        first, stop = max(since, start) - shift, self._end(turn) - shift
        found = await self._entries(speaker, first)
        return [Entry(seq + shift, kind, line) for seq, kind, line in found if first <= seq < stop]

    async def _entries(self, speaker: int, first: int) -> list[Entry]:
        """Entries of one run, from its number `first` on, where they are still there."""
        ahead = self._ahead.get(speaker, [])
        if not ahead or not ahead[0].seq <= first <= ahead[-1].seq:
            log = self._logs[speaker]
            assert log, "nobody reads before the run is there"
            ahead = self._ahead[speaker] = await log.read(first, _AHEAD_BYTES)
        return ahead
