"""Connections: how many there may be, who makes room for others, and what cannot be read as a request at all."""

import asyncio
import contextlib
import json
import re
import resource
import socket

import pytest

from clinvk import unix_socket
from clinvk.api.connections import HEAD_BYTES, Connections, Phase
from clinvk.api.services import Bounds
from clinvk.domain.run import Stop, StopCause
from tests.api.client import DEADLINE, Connection
from tests.api.locks import BEARER, lock

ASK = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAM = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Who is refused may say what it wants, however late."""
    monkeypatch.setattr("clinvk.api.connections._REFUSAL_SECS", 2 * DEADLINE)


async def until(server, phase, count):
    """Wait until so many connections are in that phase."""
    async with asyncio.timeout(DEADLINE):
        while len(server.http.connections._in[phase]) != count:
            await asyncio.sleep(0)


async def streaming(server):
    """A connection with a stream that goes on."""
    connection = await server.connect()
    await connection.send(STREAM)
    assert await connection.head() == 200
    return connection


async def answer(connection):
    """What it is told before it is closed, as status, headers and JSON."""
    reply = await connection.reply()
    assert await connection.closed() == b""
    return reply.status, reply.headers, reply.json


async def room(server):
    """Ask, and again as long as there is none; returns when there is."""
    async with asyncio.timeout(DEADLINE):
        while True:
            connection = await server.raw("GET", "/health", {"Connection": "close"})
            if (await connection.reply()).status == 200:
                return


# How many


async def test_beyond_the_limit_one_is_told_so_and_when_to_come_again(new_server):
    server = await new_server(Bounds(max_connections=2))
    open_ = [await streaming(server) for _ in range(2)]
    connection = await server.raw("POST", "/api/v1/prompt", {"Content-Length": "5"}, b"hello")
    status, headers, told = await answer(connection)
    assert (status, told["status"], headers["Retry-After"]) == (503, 503, "5")
    assert told["type"].endswith("/too-many-connections")
    assert "server.max_connections" in told["detail"]
    assert server.faults("domain/problem", told) == []
    assert told["request_id"] == headers["X-Request-Id"] == headers["request-id"]
    await open_[0].leave()
    await until(server, Phase.ANSWER, 1)
    await connection.leave()
    assert (await server.fetch("/health")).status == 200


async def test_beyond_the_limit_one_is_told_so_whatever_it_sends(new_server):
    server = await new_server(Bounds(max_connections=1))
    holding = await streaming(server)
    connection = await server.connect()
    await connection.send(b"\x16\x03\x01 no request\r\n\r\n")
    status, _, told = await answer(connection)
    assert (status, told["title"]) == (503, "Too Many Connections")
    await holding.leave()


async def test_who_asks_for_nothing_makes_room_the_longest_first(new_server):
    server = await new_server(Bounds(max_connections=3))
    idle = await server.raw("GET", "/health")
    assert (await idle.reply()).status == 200
    await until(server, Phase.IDLE, 1)
    live = await streaming(server)
    younger = await server.connect()
    await until(server, Phase.IDLE, 2)
    await room(server)
    assert await idle.closed() == b""
    await younger.send(ASK)
    assert (await younger.reply()).status == 200
    assert not live.reader.at_eof()


@pytest.mark.parametrize(
    ("begun", "phase"),
    [
        (b"", Phase.IDLE),
        (b"GET /health HTT", Phase.HEAD),
        (b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n"
         b"Content-Type: application/json\r\n\r\n{", Phase.BODY),
    ],
)  # fmt: skip
async def test_two_hundred_that_never_end_their_request_keep_nobody_out(new_server, begun, phase):
    server = await new_server(Bounds(max_connections=50))
    slow = await asyncio.gather(*(server.connect() for _ in range(200)))
    await asyncio.gather(*(each.send(begun) for each in slow if not each.reader.at_eof()), return_exceptions=True)
    await until(server, phase, 50)
    for _ in range(3):
        await room(server)


async def test_whoever_has_asked_is_never_sent_away_for_another(new_server):
    server = await new_server(Bounds(max_connections=2))
    asking = asyncio.ensure_future(server.prompt("/hang"))
    run = await server.started()
    stream = await streaming(server)
    for _ in range(5):
        assert (await answer(await server.raw("GET", "/health")))[0] == 503
    run.stop(Stop(StopCause.CLIENT))
    assert (await asking).status == 200
    assert not stream.reader.at_eof()


async def test_one_whose_request_has_just_come_is_not_taken_for_idle(new_server):
    server = await new_server(Bounds(max_connections=2))
    clients = await asyncio.gather(*(server.raw("GET", "/health", {"Connection": "close"}) for _ in range(20)))
    replies = await asyncio.gather(*(each.reply() for each in clients))
    assert {reply.status for reply in replies} == {200, 503}


async def test_of_those_that_are_refused_only_some_are_told_why(new_server):
    server = await new_server(Bounds(max_connections=1))
    await streaming(server)
    crowd = await asyncio.gather(*(server.connect() for _ in range(100)))
    await until(server, Phase.REFUSED, 64)
    assert len(server.http.connections) == 1
    assert [await each.closed() for each in crowd[:20]] == [b""] * 20
    for each in crowd[20:]:
        each.writer.write(ASK)
    told = [await each.closed() for each in crowd]
    assert sum(b" 503 " in each for each in told) == 64
    assert len(server.http.connections) == 1


async def test_a_limit_that_is_changed_holds_from_the_next_connection_on(new_server):
    server = await new_server(Bounds(max_connections=1))
    await streaming(server)
    assert (await answer(await server.raw("GET", "/health")))[0] == 503
    server.services.bounds = Bounds(max_connections=2)
    assert (await (await server.raw("GET", "/health")).reply()).status == 200


async def test_a_unix_socket_has_no_places_of_its_own(new_server, tmp_path):
    server = await new_server(Bounds(max_connections=1))
    await streaming(server)
    bound = unix_socket.listen(str(tmp_path / "s"))
    server.http.add_sockets([bound.socket])
    connection = Connection(*await asyncio.open_unix_connection(bound.path))
    await connection.send(ASK)
    assert (await answer(connection))[0] == 503
    await connection.leave()


async def test_the_client_of_a_unix_socket_has_a_name_in_the_log(server, tmp_path):
    bound = unix_socket.listen(str(tmp_path / "s"))
    server.http.add_sockets([bound.socket])
    connection = Connection(*await asyncio.open_unix_connection(bound.path))
    await connection.send(ASK)
    assert (await connection.reply()).status == 200
    assert (await server.log.first("clinvk.access")).client == "unix"
    await connection.leave()


def test_half_of_the_files_that_the_process_may_open_are_left_for_runs(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert Connections(Bounds, str).limit == 128
    assert Connections(lambda: Bounds(max_connections=20), str).limit == 20
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert Connections(Bounds, str).limit == 1024


async def test_connections_that_have_gone_leave_nothing_behind(server, monkeypatch):
    monkeypatch.setattr("clinvk.api.transport._LINGER_SECS", 2 * DEADLINE)  # none is to wait for that
    for begun in (b"", b"GET", ASK, STREAM, b"\x00\xff\r\n\r\n"):
        connection = await server.connect()
        await connection.send(begun)
        await connection.leave(abruptly=begun == STREAM)
    known = server.http.connections
    async with asyncio.timeout(DEADLINE):
        while len(known) or server.http._connections or known.lingering._timers:
            await asyncio.sleep(0)


# What cannot be read


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_is_no_request_is_refused_in_words(server, sent):
    connection = await server.connect()
    await connection.send(sent)
    status, headers, told = await answer(connection)
    assert (status, told["detail"]) == (400, "This cannot be read as a request of HTTP/1.1")
    assert headers["Content-Type"] == "application/problem+json"
    assert server.faults("domain/problem", told) == []
    assert server.supervisor.journal.length == 0


async def test_who_sends_much_more_than_a_malformed_request_still_reads_the_refusal(server):
    connection = await server.connect()
    connection.writer.write(b"hello\r\n\r\n" + b"x" * (1 << 20))
    assert (await connection.reply()).status == 400


@pytest.mark.parametrize("over", [0, 1, 1 << 20])
async def test_a_head_that_is_too_long_is_431(server, over):
    connection = await server.connect()
    start, end = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ", b"\r\n\r\n"
    connection.writer.write(start + b"x" * (HEAD_BYTES - len(start + end) + over) + end)
    if not over:
        assert (await connection.reply()).status == 200
        return
    status, _, told = await answer(connection)
    assert (status, told["type"]) == (431, "https://api.clinvk.dev/errors/head-too-large")
    assert str(HEAD_BYTES) in told["detail"]


async def test_a_head_of_very_many_lines_is_no_trouble(server):
    connection = await server.connect()
    lines = b"".join(b"X%d: 1\r\n" % number for number in range(6000))
    connection.writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n")
    assert (await connection.reply()).status in {200, 400, 431}


async def test_two_requests_at_once_are_answered_one_after_the_other(server):
    connection = await server.connect()
    await connection.send(ASK + ASK + ASK[:20])
    assert [(await connection.reply()).status for _ in range(2)] == [200, 200]
    await until(server, Phase.HEAD, 1)
    await connection.send(ASK[20:])
    assert (await connection.reply()).status == 200


async def test_a_request_hidden_in_the_body_of_another_is_not_served(server):
    hidden = b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection = await server.connect()
    await connection.send(
        b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden
    )
    told = await connection.closed()
    assert len(re.findall(b"HTTP/1.1 [0-9]", told)) == 1
    assert json.loads(told.rpartition(b"\r\n\r\n")[2])["status"] == 400


def deaf(server):
    """A connection that asks for much and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40)
    return client


async def test_who_shows_no_key_and_takes_no_answer_makes_room(new_server):
    server = lock(await new_server(Bounds(max_connections=4)))
    with contextlib.ExitStack() as clients:
        for _ in range(4):
            clients.enter_context(deaf(server))
        await until(server, Phase.UNKNOWN, 4)
        async with asyncio.timeout(DEADLINE):
            while (await (await server.raw("GET", "/api/v1/runs", BEARER)).reply()).status != 200:
                pass
