"""Clients that take their time: each clock, struck by a real one. Nothing here waits but for the server."""

import asyncio

import pytest

from clinvk.api.connections import Phase
from clinvk.api.services import Bounds
from tests.api.client import DEADLINE, hurried
from tests.api.keyed import until

ASK = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG = 1000.0
SHORT = 0.2


def bounds(**short):
    """All clocks are long but those."""
    return Bounds(**{"read_secs": LONG, "write_secs": LONG, "idle_secs": LONG, **short})


async def dribble(connection, piece=b"x"):
    """Send `piece` again and again until the server says something, and return what it says until it hangs up."""
    told = asyncio.ensure_future(connection.closed())
    async with asyncio.timeout(DEADLINE):
        while not told.done():
            connection.writer.write(piece)
            await asyncio.wait({told}, timeout=SHORT / 10)
    return told.result()


@pytest.mark.parametrize("begun", [b"GET /health HTTP/1.1\r\nHost: local", b"\r\n", b"G"])
async def test_a_head_that_stalls_is_408_and_names_the_clock(new_server, begun):
    server = await new_server(bounds(read_secs=SHORT))
    connection = await server.connect()
    await connection.send(begun)
    reply = await connection.reply()
    assert reply.status == 408
    assert reply.json["detail"] == "The head did not arrive within 0.2 s (server.read_timeout_secs)"
    assert server.faults("domain/problem", reply.json) == []
    assert await connection.closed() == b""


async def test_a_head_that_comes_byte_by_byte_is_408_all_the_same(new_server):
    server = await new_server(bounds(read_secs=SHORT))
    connection = await server.connect()
    await connection.send(b"GET /health HTTP/1.1\r\nX: ")
    assert (await dribble(connection)).startswith(b"HTTP/1.1 408 ")


async def test_the_clock_of_the_head_starts_with_its_first_byte(new_server):
    server = await new_server(bounds(read_secs=SHORT))
    connection = await server.connect()
    await until(lambda: server.http.connections._in[Phase.IDLE])
    (known,) = server.http.connections._in[Phase.IDLE]
    assert known._timer.when() - known.since == pytest.approx(LONG, rel=0.1)
    server.services.bounds = bounds()
    await connection.send(ASK)
    assert (await connection.reply()).status == 200


async def test_a_second_head_that_stalls_behind_a_first_is_408_too(new_server):
    connection = await hurried(await new_server(bounds()), ASK + ASK[:9], read_secs=SHORT)
    assert (await connection.reply()).status == 200
    assert (await connection.reply()).status == 408


async def test_a_body_that_comes_byte_by_byte_is_408(new_server):
    server = await new_server(bounds(read_secs=SHORT))
    headers = {"Content-Type": "application/json", "Content-Length": "9999999"}
    connection = await server.raw("POST", "/api/v1/prompt", headers)
    assert (await dribble(connection)).startswith(b"HTTP/1.1 408 ")
    assert server.supervisor.journal.length == 0


async def test_a_chunked_body_that_comes_byte_by_byte_is_408(new_server):
    server = await new_server(bounds(read_secs=SHORT))
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    connection = await server.raw("POST", "/api/v1/prompt", headers)
    assert (await dribble(connection, b"1\r\n \r\n")).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("before", [b"", ASK])
async def test_a_connection_without_a_word_is_closed_by_the_idle_timeout(new_server, before):
    server = await new_server(bounds(idle_secs=LONG if before else SHORT))
    connection = await server.connect()
    if before:
        await until(lambda: server.http.connections._in[Phase.IDLE])  # its first clock is the long one
        server.services.bounds = bounds(idle_secs=SHORT)
        await connection.send(before)
        assert (await connection.reply()).status == 200
    assert await connection.closed() == b""


async def test_the_clock_of_idleness_does_not_run_while_an_answer_is_awaited(new_server):
    server = await new_server(bounds(idle_secs=3.0, read_secs=3.0, write_secs=3.0))
    assert (await server.prompt("/hang", timeout_secs=3.3)).json["exit_code"] == 1


async def test_a_clock_that_is_changed_holds_for_connections_that_are_open(new_server):
    server = await new_server(bounds())
    connection = await server.connect()
    await until(lambda: server.http.connections._in[Phase.IDLE])
    server.services.bounds = bounds(idle_secs=SHORT)
    await connection.send(ASK)
    assert (await connection.reply()).status == 200
    assert await connection.closed() == b""


async def test_a_client_that_asks_and_asks_and_reads_nothing_is_left(new_server):
    server = await new_server(bounds(write_secs=SHORT))
    connection = await server.connect()
    connection.writer.transport.pause_reading()
    connection.writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
    record = await server.log.first("clinvk.access", "client reads nothing")
    assert (record.timeout, record.seconds) == ("write", SHORT)
    assert server.http.connections._in[Phase.OUT] == {}


async def test_a_client_that_reads_slowly_but_reads_gets_its_answer(new_server):
    server = await new_server(bounds(write_secs=DEADLINE))
    connection = await server.post({"backend": "demo", "prompt": "/big 2m"})
    await connection.head()
    left, pieces = int(connection.headers["Content-Length"]), 0
    while left:
        left -= len(await connection.reader.read(min(left, 50_000)))
        pieces += 1
    assert pieces > 10
    await connection.send(ASK)
    assert (await connection.reply()).status == 200


async def test_a_refused_client_that_says_nothing_is_left(new_server, monkeypatch):
    monkeypatch.setattr("clinvk.api.connections._REFUSAL_SECS", SHORT)
    server = await new_server(bounds(max_connections=1))
    stream = await server.raw("GET", "/api/v1/events")
    await stream.head()
    connection = await server.connect()
    assert await connection.closed() == b""


async def test_a_client_that_never_reads_its_refusal_does_not_linger(new_server, monkeypatch):
    monkeypatch.setattr("clinvk.api.transport._LINGER_SECS", SHORT)
    server = await new_server(bounds())
    connection = await server.connect()
    connection.writer.write(b"nonsense\r\n\r\n")
    assert (await connection.reply()).status == 400
    lingering = server.http.connections.lingering
    async with asyncio.timeout(DEADLINE):
        while lingering._timers:
            connection.writer.write(b"x" * 1000)
            await asyncio.sleep(0)
