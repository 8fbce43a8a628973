"""Streams of a run's events: their form, their pace, their end, and their readers' manners."""

import asyncio
import contextlib
import json
import socket

import pytest

from clinvk.api.routes import NDJSON, SSE, Answer, Route
from clinvk.api.services import Bounds
from clinvk.api.table import ROUTES
from clinvk.domain.run import RunState, StopCause
from tests.api.conftest import BRIEF

DEADLINE = 20.0


async def test_a_stream_is_lines_of_json_from_the_runs_name_to_its_end(server):
    reply = await server.prompt(BRIEF, output_format="stream-json")
    assert reply.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert (reply.headers["Cache-Control"], reply.headers["X-Accel-Buffering"]) == ("no-cache", "no")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    events = reply.events
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert {event["run_id"] for event in events} == {reply.headers["X-Run-Id"]}
    assert [event["type"] for event in events[:2]] == ["run.queued", "run.started"]
    assert (events[-1]["type"], events[-1]["state"], events[-1]["code"]) == ("run.finished", "completed", 0)
    assert [event["type"] for event in events].count("run.finished") == 1
    assert all(server.faults("domain/event", event) == [] for event in events)
    deltas = "".join(event["text"] for event in events if event["type"] == "text.delta")
    assert [deltas] == [event["text"] for event in events if event["type"] == "text.done"]


async def test_deltas_come_one_after_another_while_the_run_is_under_way(server):
    stream = await server.stream("/steady 4 60")
    run = server.supervisor.handle(stream.run_id).run
    texts = []
    for _ in range(3):
        texts.append((await stream.until("text.delta"))["text"])
        assert run.state is RunState.RUNNING
    assert texts == ["Once ", "upon ", "a "]
    await stream.leave()


async def test_server_sent_events_are_the_same_events(server):
    live = await server.prompt("/think of it", output_format="stream-json", headers={"Accept": SSE})
    assert live.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    replay = await server.fetch(f"/api/v1/runs/{live.headers['X-Run-Id']}/events", headers={"Accept": NDJSON})
    assert [event.data for event in live.sse] == replay.events
    assert all(event.id == event.data["seq"] and event.event == event.data["type"] for event in live.sse)
    assert live.body.endswith(b"\n\n")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/x-ndjson", ""])
async def test_lines_of_json_are_what_comes_unless_events_are_asked_for(server, accept):
    reply = await server.prompt("/big 5", output_format="stream-json", headers={"Accept": accept})
    assert reply.media_type == NDJSON


@pytest.mark.parametrize(
    ("prompt", "kind", "state"),
    [
        ("/tool", "tool.done", "completed"),
        ("/think", "reasoning.delta", "completed"),
        ("/ask", "approval.answered", "completed"),
        ("/garbage", "notice", "completed"),
        ("/stderr", "usage.reported", "completed"),
        ("/fail", "turn.done", "failed"),
        ("/crash", "text.done", "failed"),
        ("/big 3m", "text.done", "completed"),
    ],
)
async def test_whatever_happens_the_stream_tells_it_and_ends_cleanly(server, prompt, kind, state):
    reply = await server.prompt(prompt, output_format="stream-json")
    assert kind in {event["type"] for event in reply.events}
    assert reply.events[-1]["state"] == state
    assert [event["seq"] for event in reply.events] == list(range(len(reply.events)))


async def test_a_burst_arrives_whole_and_in_order(server):
    stream = await server.stream("/burst 10000")
    body = await stream.connection.chunks()
    events = [json.loads(line) for line in body.splitlines()]
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert sum(event["type"] == "text.delta" for event in events) == 10_000


async def test_a_reader_that_speaks_http_1_0_gets_the_stream_unchunked(server):
    body = b'{"backend":"demo","prompt":"/big 5","output_format":"stream-json"}'
    connection = await server.connect()
    await connection.send(
        b"POST /api/v1/prompt HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    assert await connection.head() == 200
    assert "Transfer-Encoding" not in connection.headers
    lines = (await connection.closed()).splitlines()
    assert json.loads(lines[-1])["type"] == "run.finished"


async def test_a_silent_stream_of_lines_is_kept_alive_by_blank_ones(new_server):
    server = await new_server(Bounds(keepalive_secs=0.05))
    stream = await server.stream("/hang")
    await stream.until("session.bound")
    assert [await stream.line() for _ in range(3)] == [b"", b"", b""]
    await stream.leave()


async def test_a_silent_stream_of_events_is_kept_alive_by_comments(new_server):
    server = await new_server(Bounds(keepalive_secs=0.05))
    asked = {"backend": "demo", "prompt": "/hang", "output_format": "stream-json"}
    connection = await server.post(asked, {"Accept": SSE})
    assert await connection.head() == 200
    await server.started()
    said = b""
    while said.count(b": ping\n\n") < 3:
        said += await connection.chunk()
    blocks = said.split(b"\n\n")
    assert all(block == b": ping" or block.startswith(b"id: ") for block in blocks if block)
    await connection.leave()


async def test_the_stream_of_all_runs_is_kept_alive_too(new_server):
    server = await new_server(Bounds(keepalive_secs=0.05))
    connection = await server.raw("GET", "/api/v1/events")
    assert await connection.head() == 200
    assert [await connection.chunk() for _ in range(2)] == [b": ping\n\n"] * 2


async def unread(server, prompt):
    """A stream that nobody reads, on a socket with little room."""
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    body = json.dumps({"backend": "demo", "prompt": prompt, "output_format": "stream-json"}).encode()
    head = b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    await loop.sock_connect(sock, ("127.0.0.1", server.port))
    await loop.sock_sendall(sock, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return sock


async def everything(sock):
    """What is still to be read before the other side hangs up."""
    said = b""
    async with asyncio.timeout(DEADLINE):
        with contextlib.suppress(ConnectionError):
            while data := await asyncio.get_running_loop().sock_recv(sock, 1 << 16):
                said += data
    return said


async def test_a_reader_that_stops_reading_is_left_and_its_run_stopped(new_server):
    server = await new_server(Bounds(write_secs=0.3))
    with await unread(server, "/burst 200000") as sock:
        run = await server.started()
        view = await server.end(run.id)
        line = await server.log.first("clinvk.access", "request")
        said = await everything(sock)
    assert not said.endswith(b"0\r\n\r\n")
    assert (view.state, view.stop_cause) == (RunState.CANCELLED, StopCause.DISCONNECT)
    warning = await server.log.first("clinvk.access", "client reads nothing")
    assert (warning.timeout, warning.seconds, warning.request_id) == ("write", 0.3, view.request_id)
    assert line.status == 499


async def test_a_reader_that_leaves_in_the_middle_of_a_blocked_write_stops_its_run(server):
    sock = await unread(server, "/burst 200000")
    run = await server.started()
    async with asyncio.timeout(DEADLINE):
        while run.log.bytes < 1 << 20:  # more than all buffers hold
            await run.log.changed()
    sock.close()
    view = await server.end(run.id)
    assert (view.state, view.stop_cause) == (RunState.CANCELLED, StopCause.DISCONNECT)


async def test_a_fault_of_ours_breaks_a_stream_off_it_does_not_end_it(new_server, complaints):
    async def crash(call):
        call.open_stream(NDJSON)
        await call.send(b'{"type":"run.queued"}\n')
        raise RuntimeError("a secret of the server")

    answers = {200: Answer("A stream.", {NDJSON: "domain/event"})}
    route = Route("GET", "/crash", crash, "crash", "It crashes", "meta", answers)
    server = await new_server(routes=(*ROUTES, route))
    connection = await server.raw("GET", "/crash")
    assert await connection.head() == 200
    assert await connection.chunk() == b'{"type":"run.queued"}\n'
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await connection.chunk()
    assert [record.getMessage() for record in complaints()] == ["handler failed"]
    assert (await server.log.first("clinvk.access", "request")).status == 500
