"""One run's events over connections that break, to its end, and not faster than they are read."""

import asyncio
import contextlib

import pytest

from clinvk.domain.errors import RunNotFound
from clinvk.domain.run import StopCause
from tests.api.client import DEADLINE, hanging, run_of
from tests.api.conftest import QUICK
from tests.remote.reading import Reader
from tests.remote.relay import PIECE


async def kept(server, run_id, since=0):
    """The events as the server itself reads them."""
    return await Reader(server.services.monitor.run_events(run_id, since)).all()


@pytest.mark.parametrize("prompt", [QUICK, "/tool", "/think", "/fail", "/crash"])
async def test_they_are_those_of_the_server_to_the_byte(server, monitor, prompt):
    run_id = await run_of(server, prompt)
    assert await Reader(monitor.run_events(run_id)).all() == await kept(server, run_id)


@pytest.mark.parametrize("since", [0, 1, 4])
async def test_they_begin_where_they_are_asked_to(server, monitor, since):
    run_id = await run_of(server, QUICK)
    seen = await Reader(monitor.run_events(run_id, since)).all()
    assert seen == await kept(server, run_id, since)
    assert seen[0].seq == since


async def test_whoever_has_seen_the_end_gets_nothing_more(server, monitor):
    run_id = await run_of(server, QUICK)
    since = len(await kept(server, run_id))
    assert await Reader(monitor.run_events(run_id, since)).all() == []


async def test_a_live_run_is_followed_to_its_end(server, monitor):
    run_id = await hanging(server)
    reader = Reader(monitor.run_events(run_id))
    await reader.take(1)
    reading = asyncio.ensure_future(reader.all())
    server.supervisor.stop(run_id, StopCause.CLIENT)
    assert (await reading)[-1].type == "run.finished"
    assert reader.seen == await kept(server, run_id)


async def test_a_long_answer_survives_many_broken_connections(server, monitor, relay):
    run_id = await run_of(server, "/burst 12000")
    relay.ration = 5 * PIECE
    seen = await Reader(monitor.run_events(run_id)).all()
    assert seen == await kept(server, run_id)
    assert relay.opened > 2


async def test_a_run_that_is_none_is_told_at_once(monitor):
    with pytest.raises(RunNotFound, match="'run_9'"):
        await Reader(monitor.run_events("run_9")).all()


async def test_a_run_that_no_other_life_of_the_server_knows_is_told(server, monitor, relay, new_server):
    reader = Reader(monitor.run_events(await hanging(server)))
    await reader.take(1)
    relay.port_behind = (await new_server()).port
    relay.cut()
    with pytest.raises(RunNotFound):
        await reader.all()


async def test_who_leaves_closes_the_connection(server, monitor, relay):
    reader = Reader(monitor.run_events(await hanging(server)))
    await reader.take(1)
    await reader.close()
    await relay.until(lambda: relay.open == 0)


async def test_who_is_cancelled_closes_the_connection(server, monitor, relay):
    reader = Reader(monitor.run_events(await hanging(server)))
    reading = asyncio.ensure_future(reader.all())
    await relay.until(lambda: relay.open == 1)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    await relay.until(lambda: relay.open == 0)


class Flood:
    """A server with an answer of 50 MB, that notices when nobody takes it."""

    AT_ONCE = 100
    LINES = b"".join(b'{"type":"text.delta","seq":%d,"text":"%s"}\n' % (n, b"x" * 2500) for n in range(AT_ONCE))
    TIMES = 200

    def __init__(self):
        self.sent = 0
        self.stalled = asyncio.Event()

    async def __call__(self, writer):
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(self.TIMES):
            writer.write(b"%x\r\n%s\r\n" % (len(self.LINES), self.LINES))
            await self._drained(writer)
            self.sent += len(self.LINES)
        last = b'{"type":"run.finished","seq":9999999}\n'
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(last), last))

    async def _drained(self, writer):
        draining = asyncio.ensure_future(writer.drain())
        try:
            if not (await asyncio.wait({draining}, timeout=0.5))[0]:
                self.stalled.set()
            await draining
        finally:
            draining.cancel()


async def test_a_slow_reader_holds_the_server_back_and_gets_everything(scripted, connect):
    flood = Flood()
    server = await scripted(flood)
    reader = Reader(connect(server.url).run_events("run_1"))
    await reader.take(1)
    async with asyncio.timeout(DEADLINE):
        await flood.stalled.wait()
    assert flood.sent < len(flood.LINES) * flood.TIMES / 2  # what the kernel takes is not ours
    assert len(await reader.all()) == flood.AT_ONCE * flood.TIMES + 1


async def test_no_batch_is_large(scripted, connect):
    server = await scripted(Flood())
    stream = connect(server.url).run_events("run_1")
    async with asyncio.timeout(DEADLINE):
        sizes = [sum(len(entry.line) for entry in batch) async for batch in stream]
    assert max(sizes) <= 2 * PIECE
