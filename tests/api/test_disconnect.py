"""Who leaves stops what was done for him alone."""

import asyncio
import json
import socket

import pytest

from clinvk import processes
from clinvk.api.presence import Watch
from clinvk.api.transport import Stream
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor.limits import Limits
from tests.api.client import DEADLINE

LEAVING = [pytest.param(False, id="closes"), pytest.param(True, id="resets")]


def asked(prompt, form):
    return {"backend": "demo", "prompt": prompt, "output_format": form}


@pytest.mark.parametrize("abruptly", LEAVING)
@pytest.mark.parametrize("form", ["json", "stream-json"])
@pytest.mark.parametrize("prompt", ["/steady 4 60", "/hang"])
async def test_a_client_that_leaves_stops_its_run(server, prompt, form, abruptly):
    connection = await server.post(asked(prompt, form))
    run = await server.started()
    pid = run.run.pid
    await connection.leave(abruptly=abruptly)
    view = await server.end(run.id)
    assert (view.state, view.stop_cause) == (RunState.CANCELLED, StopCause.DISCONNECT)
    assert view.error.message == "The run was cancelled because its client left"
    assert processes.read(pid) is None
    assert (await server.log.first("clinvk.access")).status == 499


async def test_a_client_that_leaves_takes_every_process_of_its_run_with_it(server):
    stream = await server.stream("/children")
    pids = [int((await stream.until("text.delta"))["text"].split()[1]) for _ in range(4)]
    assert all(processes.read(pid).alive for pid in pids)
    await stream.leave()
    view = await server.end(stream.run_id)
    assert view.state is RunState.CANCELLED
    assert not [pid for pid in pids if (row := processes.read(pid)) and row.alive]


@pytest.mark.parametrize("form", ["json", "stream-json"])
async def test_a_client_that_leaves_while_its_run_is_queued_takes_it_out_of_the_queue(new_server, form):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    await server.prompt("/hang", detach=True)
    await server.started()
    connection = await server.post(asked("hello", form))
    while (run := server.newest()).run.spec.prompt != "hello":
        await server.supervisor.journal.changed()
    await connection.leave()
    view = await server.end(run.id)
    assert (view.state, view.started_at, view.stop_cause) == (RunState.CANCELLED, None, StopCause.DISCONNECT)
    assert server.supervisor.queued == 0


async def test_a_client_that_closes_only_its_sending_half_has_left_too(server):
    connection = await server.post(asked("/hang", "json"))
    run = await server.started()
    connection.writer.write_eof()
    assert (await server.end(run.id)).stop_cause is StopCause.DISCONNECT


@pytest.mark.parametrize("abruptly", LEAVING)
@pytest.mark.parametrize("form", ["json", "stream-json"])
@pytest.mark.parametrize(
    "more", [b"\n", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100], ids=["line-feed", "requests"]
)
async def test_a_client_that_had_sent_more_than_its_request_is_seen_to_leave_too(server, more, form, abruptly):
    connection = await server.post(asked("/hang", form))
    connection.writer.write(more)
    run = await server.started()
    await connection.leave(abruptly=abruptly)
    assert (await server.end(run.id)).stop_cause is StopCause.DISCONNECT


async def test_a_client_that_has_sent_more_than_its_request_and_stays_is_answered(server):
    connection = await server.post(asked("/hang", "json"))
    await connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    run = await server.started()
    server.supervisor.handle(run.id).stop(Stop(StopCause.CONSOLE))
    assert (await connection.reply()).json["exit_code"] == -1
    assert (await connection.reply()).json["status"] == "ok"


async def test_a_client_that_waits_long_is_looked_for_and_left_in_peace(server):
    assert (await server.prompt("/hang", timeout_secs=1.2)).json["exit_code"] == 1


async def test_a_watcher_that_leaves_stops_nothing(server):
    run_id = (await server.prompt("/hang", detach=True)).headers["X-Run-Id"]
    watcher = await server.raw("GET", f"/api/v1/runs/{run_id}/events")
    await watcher.head()
    seen = b""
    while b"run.started" not in seen:
        seen += await watcher.chunk()
    server.log.records.clear()
    await watcher.leave()
    assert (await server.log.first("clinvk.access")).status == 499
    assert server.supervisor.handle(run_id).run.state is RunState.RUNNING


STREAMS = {
    "native": ("/api/v1/prompt", asked("/steady 20 60", "stream-json")),
    "group": ("/api/v1/parallel", {"tasks": [asked("/steady 20 60", "text")], "output_format": "stream-json"}),
    "anthropic": ("/anthropic/v1/messages", {"max_tokens": 100}),
    "openai": ("/openai/v1/chat/completions", {}),
}
SAID = {"model": "demo", "stream": True, "messages": [{"role": "user", "content": "/steady 20 60"}]}


@pytest.mark.parametrize("api", STREAMS)
async def test_a_client_whose_end_is_told_by_a_write_first_has_left_too(server, monkeypatch, api):
    path, body = STREAMS[api]
    closing = []

    def refused(stream, data):
        del data
        closing.append(stream._close_callback)
        stream._close_callback = None  # it comes in a moment
        raise ConnectionResetError

    connection = await server.post(body if "v1/p" in path else SAID | body, path=path)
    assert await connection.head() == 200
    run = await server.started()
    monkeypatch.setattr(Stream, "write_to_fd", refused)
    assert (await server.log.first("clinvk.access")).status == 499
    closing[0]()
    assert (await server.end(run.id)).stop_cause is StopCause.DISCONNECT


async def test_the_end_of_a_run_that_its_client_waited_for_is_no_disconnect(server):
    reply = await server.prompt("/big 5")
    view = server.supervisor.history.view(reply.json["run_id"])
    assert (view.state, view.stop_cause) == (RunState.COMPLETED, None)


async def test_a_look_at_a_client_that_was_just_seen_to_leave_is_harmless(server, monkeypatch):
    watches = []

    def note(watch):
        watches.append(watch)

    monkeypatch.setattr(Watch, "begin", note)
    connection = await server.post(asked("/hang", "json"))
    run = await server.started()
    [watch] = watches
    watch._stream.close()
    watch._look()
    assert (await server.end(run.id)).stop_cause is StopCause.DISCONNECT
    await connection.leave()


@pytest.mark.parametrize("late", ["body", "last byte"])
async def test_a_client_whose_end_comes_with_its_body_has_left_too(server, late):
    """Tornado sees such an end before anybody has asked to be told of it, and tells nobody."""
    body = json.dumps(asked("/hang", "json")).encode()
    head = b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    first = {"body": len(head), "last byte": len(head + body) - 1}[late]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall((head + body)[:first])
        async with asyncio.timeout(DEADLINE):
            while not server.services.requests.newest(1):
                await asyncio.sleep(0)
        client.sendall((head + body)[first:])
    assert (await server.log.first("clinvk.access")).status == 499
    for run in (await server.services.monitor.runs(RunQuery())).runs:
        assert (await server.end(run.id)).stop_cause is StopCause.DISCONNECT
