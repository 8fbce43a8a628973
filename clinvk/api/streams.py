"""Streams of events: a run's log, or the journal of all runs, as NDJSON or SSE."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from clinvk.api.handler import Handler
from clinvk.api.operation import Readable
from clinvk.api.routes import NDJSON, SSE
from clinvk.domain.events import Entry
from clinvk.supervisor.tasks import first_of
from clinvk.supervisor.waiting import Take


def ndjson(batch: Sequence[Entry]) -> bytes:
    """Lines of JSON."""
    return b"".join([entry.line for entry in batch])


def sse(batch: Sequence[Entry]) -> bytes:
    """Server-sent events: an entry's number, its type and its line."""
    # That line is JSON, so it holds no line feed but its last.
    return b"".join(b"id: %d\nevent: %s\ndata: %s\n" % (seq, kind.encode(), line) for seq, kind, line in batch)


_FORMS: Final[Mapping[str, tuple[Callable[[Sequence[Entry]], bytes], bytes]]] = {
    NDJSON: (ndjson, b"\n"),  # a blank line keeps it alive: readers of NDJSON skip those
    SSE: (sse, b": ping\n\n"),
}


async def send(call: Handler, log: Readable, since: int, media_type: str) -> None:
    """Send `log` from number `since` to its end. Returns early when the client has left.

    Whatever is there goes out in one write; a slow reader lags alone. Raises StreamClosedError as `Handler.send`.
    """
    call.open_stream(media_type)
    if call.request.method == "HEAD":
        call.flush()  # first, or Tornado would say that the stream has no length
        call.finish()
        return
    await _Stream(call, log, since, media_type).send()


async def arrival(call: Handler, log: Readable, seconds: float, take: Take) -> bool:
    """Wait until there is more of `log` than `take` takes; False if that takes too long.

    Returns early when the client has left.
    """
    coming = log.changed(take)
    try:
        return await first_of(coming, call.gone, timeout=seconds)
    finally:
        coming.cancel()


class _Stream:
    """One stream on its way out. What comes after a silence goes out in the moment it is there."""

    def __init__(self, call: Handler, log: Readable, since: int, media_type: str) -> None:
        self._call = call
        self._log = log
        self._since = since
        self._render, self._keepalive = _FORMS[media_type]
        self._pushed: asyncio.Future[None] | None = None
        self._clock = call.services.clock
        self._quiet_until = 0.0

    async def send(self) -> None:
        while not self._call.gone.done():
            batch = await self._log.read(self._since)
            if batch:
                await self._call.send(self._told(batch))
            elif self._log.closed:
                self._call.finish()
                return
            elif not self._call.head_is_out:
                await self._say(b"")  # the reader shall know that it is heard, long before there is any news
            else:
                await self._wait()

    async def _wait(self) -> None:
        """Until there is more than could be taken at once, or for long nothing at all."""
        seconds = self._quiet_until - self._clock.monotonic()
        if seconds <= 0:
            await self._say(self._keepalive)
            return
        await arrival(self._call, self._log, seconds, self._take)
        if self._pushed:
            pushed, self._pushed = self._pushed, None
            await self._call.sent(pushed)

    def _take(self, entries: Sequence[Entry]) -> bool:
        if self._call.gone.done():
            return False
        self._pushed = self._call.push(self._told(entries))
        return self._pushed is None

    async def _say(self, data: bytes) -> None:
        self._noted()
        await self._call.send(data)

    def _told(self, entries: Sequence[Entry]) -> bytes:
        self._since = entries[-1].seq + 1
        self._noted()
        return self._render(entries)

    def _noted(self) -> None:
        """Something is said: the next silence begins."""
        self._quiet_until = self._clock.monotonic() + self._call.services.bounds.keepalive_secs
