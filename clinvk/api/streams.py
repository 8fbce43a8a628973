"""Streams of events: a run's log, or the journal of all runs, as NDJSON or SSE."""

from collections.abc import Callable, Mapping
from typing import Final

from tornado.iostream import StreamClosedError

from clinvk.api.handler import Handler
from clinvk.api.operation import Readable
from clinvk.api.routes import NDJSON, SSE
from clinvk.domain.events import Entry
from clinvk.supervisor.tasks import first_of


def _ndjson(batch: list[Entry]) -> bytes:
    return b"".join(entry.line for entry in batch)


def _sse(batch: list[Entry]) -> bytes:
    # An entry's line is JSON, so it holds no line feed but its last.
    return b"".join(b"id: %d\nevent: %s\ndata: %s\n" % (seq, kind.encode(), line) for seq, kind, line in batch)


_FORMS: Final[Mapping[str, tuple[Callable[[list[Entry]], bytes], bytes]]] = {
    NDJSON: (_ndjson, b"\n"),  # a blank line keeps it alive: readers of NDJSON skip those
    SSE: (_sse, b": ping\n\n"),
}


async def send(call: Handler, log: Readable, since: int, media_type: str) -> None:
    """Send `log` from number `since` to its end. Returns early when the client has left.

    Whatever is there goes out in one write; a slow reader lags alone.
    """
    render, keepalive = _FORMS[media_type]
    call.open_stream(media_type)
    if call.request.method == "HEAD":
        call.flush()  # first, or Tornado would say that the stream has no length
        call.finish()
        return
    try:
        while not call.gone.done():
            batch = await log.read(since)
            if batch:
                await call.send(render(batch))
                since = batch[-1].seq + 1
            elif log.closed:
                call.finish()
                return
            elif not call.head_is_out:
                await call.send(b"")  # the reader shall know that it is heard, long before there is any news
            elif not await first_of(log.changed(), call.gone, timeout=call.services.bounds.keepalive_secs):
                await call.send(keepalive)
    except StreamClosedError:
        return
