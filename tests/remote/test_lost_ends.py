"""One run's events where the server died in the middle, and what it had told last was lost with it."""

import re

import pytest

from clinvk.api.streams import ndjson
from clinvk.domain.events import Entry
from tests.remote.reading import Reader
from tests.remote.relay import document

VIEW = (
    b'{"id":"run_1","state":"%s","dialect":"native","backend":"demo","created_at":"2026-01-31T09:30:00.250Z",'
    b'"queued_ms":0,"client":"","prompt_preview":"","metadata":{},"token_usage":{},"events":%d}'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"


def entries(first, end, *, ended=False):
    kinds = ["text.delta"] * (end - first)
    kinds[-1:] = ["run.finished"] if ended else kinds[-1:]
    lines = [b'{"type":"%s","seq":%d}\n' % (kind.encode(), seq) for seq, kind in enumerate(kinds, first)]
    return [
        Entry(first + number, kind, line) for number, (kind, line) in enumerate(zip(kinds, lines, strict=True))
    ]


def stream(batch=(), *, whole=True):
    data = ndjson(batch)
    return HEAD + (b"%x\r\n%s\r\n" % (len(data), data) if data else b"") + (b"0\r\n\r\n" if whole else b"")


@pytest.fixture
async def serve(scripted, connect):
    """A monitor of a server that says these answers one after the other."""

    async def make(*answers):
        left = list(answers)

        async def answer(writer):
            writer.write(left.pop(0))

        server = await scripted(answer)
        return server, connect(server.url)

    return make


def asked(server):
    """What was asked: after which number, or for the run itself."""
    return [re.search(r"Last-Event-ID: (.*)\r", head)[1] if "/events" in head else "run" for head in server.heads]


async def test_the_end_is_told_although_its_number_is_lower(serve):
    server, monitor = await serve(
        stream(entries(0, 6), whole=False),
        stream(),
        document(200, VIEW % (b"failed", 4)),
        stream(entries(3, 4, ended=True)),
    )
    assert await Reader(monitor.run_events("run_1")).all() == entries(0, 6) + entries(3, 4, ended=True)
    assert asked(server) == ["-1", "5", "run", "2"]


async def test_a_stream_that_ends_before_its_run_goes_on(serve):
    server, monitor = await serve(
        stream(entries(0, 2)), document(200, VIEW % (b"running", 2)), stream(entries(2, 4, ended=True))
    )
    assert await Reader(monitor.run_events("run_1")).all() == entries(0, 2) + entries(2, 4, ended=True)
    assert asked(server) == ["-1", "run", "1"]


async def test_an_end_that_was_asked_to_be_passed_over_is_not_told(serve):
    server, monitor = await serve(stream(), document(200, VIEW % (b"completed", 4)))
    assert await Reader(monitor.run_events("run_1", 9)).all() == []
    assert asked(server) == ["8", "run"]


async def test_what_is_read_wrong_is_read_again(serve):
    _, monitor = await serve(
        stream([Entry(0, "x", b"<html>\n")]), stream(entries(0, 1), whole=False), stream(entries(1, 2, ended=True))
    )
    assert await Reader(monitor.run_events("run_1")).all() == entries(0, 1) + entries(1, 2, ended=True)
    log = Reader(monitor.log())
    connected, trouble, *_ = await log.take(2)
    assert connected.message == "run_1: connected"
    assert "does not answer as this version of clinvk does" in trouble.message
    await log.close()
