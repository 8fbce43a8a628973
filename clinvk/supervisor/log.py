"""The log of a run: append-only, each entry encoded once, any number of readers at their own pace."""

import asyncio
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from itertools import accumulate
from typing import Final, get_args

import orjson

from clinvk.clock import Clock, rfc3339
from clinvk.domain.events import TRUNCATED, Entry, Event, Notice, RunFinished
from clinvk.domain.wire import to_wire
from clinvk.store.spool import Spool, SpoolFile
from clinvk.supervisor.waiting import Take, Waiting

TAIL_ENTRIES: Final = 4096
TAIL_BYTES: Final = 1 << 20
READ_BYTES: Final = 256 << 10
_HEAD: Final = re.compile(rb'\{"type":"[a-z_.]+","seq":(\d{1,18}),"at":"[-0-9T:.]{19,30}Z"[,}]')
LAG_CEILING: Final = 4 << 20
"""Bytes the spool may trail by before the child's pipe is paused."""

EVERYTHING: Final[tuple[type[Event], ...]] = get_args(Event)

Observe = Callable[[Event], None]
"""Called with an event in the moment it is appended; it must not raise or wait."""


class EventLog:
    """Entries 0, 1, 2…: the newest in memory, all of them in the spool where there is one.

    `labels` stand in every entry. Nothing here waits for a reader: a slow one falls back to the spool.
    """

    def __init__(self, clock: Clock, labels: Mapping[str, str | int], spool: SpoolFile | None = None) -> None:
        self._clock = clock
        self._labels = b"," + orjson.dumps(labels)[1:-1] if labels else b""
        self._spool = spool
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._readers = Waiting()
        self._added: list[bytes] = []
        """What is not published yet."""
        self._stamp = b""
        """When that was, once there is some."""
        self._observers: dict[type[Event], list[Observe]] = defaultdict(list)
        self.on_relief: Callable[[], None] | None = None
        """Called when the spool has caught up after `congested`."""
        self._newest = b""
        self.length = 0
        self.bytes = 0
        self.closed = False
        self.is_whole = False
        """Whether a log that was reopened has the run's end."""
        if spool:
            spool.on_written = self._written

    @classmethod
    async def reopen(
        cls, clock: Clock, labels: Mapping[str, str | int], spool: Spool | None, run_id: str
    ) -> "EventLog":
        """The log of an earlier server's run, as far as the spool has it."""
        file = await spool.reopen(run_id, _is_entry) if spool else None
        log = cls(clock, labels, file)
        if file:
            log.length, log.bytes = file.written, file.bytes
            log._newest = file.last
            log.is_whole = bool(file.last) and _parsed(0, file.last).type == RunFinished.type
        return log

    @property
    def newest(self) -> Entry:
        """The entry that was appended last, be it still in memory or not."""
        assert self._newest, "something was appended"
        return _parsed(self.length - 1, self._newest)

    @property
    def memory_bytes(self) -> int:
        """What of it is held in memory."""
        return self._tail_bytes

    @property
    def congested(self) -> bool:
        """The disk is behind: the source should pause until `on_relief`."""
        return self._spool is not None and self._spool.lag > LAG_CEILING

    def observe(self, observe: Observe, kinds: Iterable[type[Event]] = EVERYTHING) -> None:
        """Have events of these kinds told to `observe`, until the log is closed."""
        for kind in kinds:
            self._observers[kind].append(observe)

    def append(self, event: Event) -> Entry:
        """Number, stamp, encode and keep `event`, then tell observers and readers."""
        self.add(event)
        self.publish()
        return self.newest

    def add(self, event: Event) -> None:
        """What `append` does, but spool and readers have it with the next `publish`, and many at once."""
        self._stamp = self._stamp or self._now()
        self._keep(self._encode(event, self.length, self._stamp))
        for observe in self._observers.get(type(event), ()):
            observe(event)

    def publish(self, *, alone: bool = False) -> None:
        """Give spool and readers what was added. Until then it was said in one moment: it has one stamp.

        `alone` says that it is all that is published in this turn of the loop.
        """
        lines, self._added, self._stamp = self._added, [], b""
        if self._spool:
            self._spool.extend(lines)
        # A list that loses its head now and then: slices from its end are cheap, and so is the average.
        if len(self._tail) > 2 * TAIL_ENTRIES or self._tail_bytes > 2 * TAIL_BYTES:
            self._trim()
        if lines and self._readers:
            self._readers.wake(_entries(self.length - len(lines), lines), alone=alone)

    def relay(self, entry: Entry) -> None:
        """Keep another log's entry under a number of this log's own."""
        self._keep(entry.line)
        self.publish()

    def close(self) -> None:
        """No more entries. The memory goes back as soon as the spool has everything."""
        self.closed = True
        self._observers.clear()
        if self._spool:
            self._spool.finish()
        self._readers.wake()

    def discard(self) -> None:
        """Forget what the spool holds."""
        if self._spool:
            self._spool.discard()

    async def read(self, since: int = 0, limit: int = READ_BYTES) -> list[Entry]:
        """Entries from number `since`, about `limit` bytes of them; none where there are no more yet."""
        first = self.length - len(self._tail)
        if since >= first:
            return self._from_tail(since - first, limit)
        if self._spool and not self._spool.broken:
            lines = await self._spool.read(since, limit)
            if lines:
                return _entries(since, lines)
        return self._short(since, limit)

    async def follow(self, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        """Entries from number `since` to the end of the log, in batches of whatever is there."""
        while True:
            batch = await self.read(since)
            if batch:
                since = batch[-1].seq + 1
                yield batch
            elif self.closed and since >= self.length:
                return
            else:
                await self.changed()

    def changed(self, take: Take | None = None) -> "asyncio.Future[None]":
        """Done with the next entry that `take` does not take, or at the log's end: see `Waiting.add`."""
        return self._readers.add(take)

    def _now(self) -> bytes:
        return rfc3339(self._clock.wall()).encode()

    def _encode(self, event: Event, seq: int, stamp: bytes) -> bytes:
        body = _body(event)
        head = event.type.encode(), seq, stamp, self._labels
        return b'{"type":"%b","seq":%d,"at":"%b"%b%b%b\n' % (*head, b"," if len(body) > 2 else b"", body[1:])

    def _keep(self, line: bytes) -> None:
        self._newest = line
        self.length += 1
        self.bytes += len(line)
        self._tail.append(line)
        self._tail_bytes += len(line)
        self._added.append(line)

    def _trim(self) -> None:
        first = self.length - len(self._tail)
        spool = self._spool
        on_disk = self.length if spool is None or spool.broken else spool.written
        drop = 0
        while first + drop < on_disk and (len(self._tail) - drop > TAIL_ENTRIES or self._tail_bytes > TAIL_BYTES):
            self._tail_bytes -= len(self._tail[drop])
            drop += 1
        del self._tail[:drop]

    def _written(self) -> None:
        spool = self._spool
        if spool is None:
            return
        if self.closed and not spool.broken and spool.written == self.length:
            self._tail, self._tail_bytes = [], 0
        else:
            self._trim()
        if self.on_relief and spool.lag < LAG_CEILING // 2:
            self.on_relief()

    def _from_tail(self, start: int, limit: int) -> list[Entry]:
        lines = self._tail[start : start + TAIL_ENTRIES]
        end = bisect_left(list(accumulate(map(len, lines))), limit) + 1
        return _entries(self.length - len(self._tail) + start, lines[:end])

    def _short(self, since: int, limit: int) -> list[Entry]:
        """What is left from number `since` on, where the spool gives nothing. The end of a run is told even so."""
        first = self.length - len(self._tail)
        rest = self._from_tail(0, limit)
        if not rest and self._newest and self.newest.type == RunFinished.type:
            first, rest = first - 1, [self.newest]
        return [self._gap(first - since, first - 1), *rest] if first > since else rest

    def _gap(self, count: int, seq: int) -> Entry:
        notice = Notice(f"{TRUNCATED}{count} earlier events were not kept")
        return Entry(seq, notice.type, self._encode(notice, seq, self._now()))


def _body(event: Event) -> bytes:
    """`to_wire` as JSON, without the way round by a dict for events that leave nothing out: that is nearly all."""
    data = orjson.dumps(event)
    return orjson.dumps(to_wire(event)) if b":null" in data else data


def _entries(first: int, lines: Iterable[bytes]) -> list[Entry]:
    """Lines as the entries they are; the first has the number `first`."""
    return [_parsed(seq, line) for seq, line in enumerate(lines, first)]


def _is_entry(seq: int, line: bytes) -> bool:
    """Whether a line of a file is that entry, as far as its head and its end tell: a disk may say anything."""
    head = _HEAD.match(line)
    return head is not None and int(head[1]) == seq and line.endswith(b"}\n")


def _parsed(seq: int, line: bytes) -> Entry:
    # Every line begins {"type":"…": we wrote it.
    return Entry(seq, line[9 : line.index(b'"', 9)].decode(), line)
