"""The status of a dialect's stream is decided late; once it is out, whatever happens is told in the stream."""

import asyncio

import pytest

from clinvk.api import streams
from clinvk.api.dialects import delivery
from clinvk.api.services import Bounds
from clinvk.domain.events import ReasoningDelta, TextDelta
from clinvk.domain.run import RunState, StopCause
from clinvk.supervisor.limits import Limits
from tests.api import anthropic_grammar, openai_grammar, responses_grammar
from tests.api.keyed import held_clocks, keyed, until

SAID = {"model": "demo", "messages": [{"role": "user", "content": "/hang"}]}
DIALECTS = {
    "chat": ("/openai/v1/chat/completions", SAID),
    "messages": ("/anthropic/v1/messages", SAID | {"max_tokens": 100}),
    "responses": ("/openai/v1/responses", {"model": "demo", "input": "/hang"}),
}
PING = b": ping\n\n"

pytestmark = pytest.mark.parametrize("dialect", DIALECTS)


def failure_of(dialect, stream):
    """What the last event says went wrong, of a stream that keeps to the grammar; comments are no part of it."""
    stream = stream.replace(PING, b"")
    if dialect == "chat":
        return openai_grammar.read(stream).problem["error"]["message"]
    if dialect == "messages":
        return anthropic_grammar.read(stream).error["error"]["message"]
    return responses_grammar.read(stream).response["error"]["message"]


async def ask(server, dialect, *, stream=True, headers=None):
    path, body = DIALECTS[dialect]
    return await server.post(body | {"stream": stream}, headers, path)


async def speaking(server, dialect):
    """A stream whose head is out, and its run."""
    connection = await ask(server, dialect)
    run = await server.started()
    run.log.append(TextDelta("block-1", "said"))
    assert await connection.head() == 200
    return connection, run


async def until_pinged(connection):
    """What is heard until the stream has said twice that it is alive."""
    heard = b""
    while heard.count(PING) < 2:
        heard += await connection.chunk()
    return heard


async def cancel(server, run):
    await server.fetch(f"/api/v1/runs/{run.id}", method="DELETE")


async def test_what_ends_before_its_first_word_has_a_status_and_is_not_to_be_repeated(server, dialect):
    connection = await ask(server, dialect)
    await cancel(server, await server.started())
    reply = await connection.reply()
    assert (reply.status, reply.headers["x-should-retry"]) == (409, "false")
    assert reply.json["detail"] == "The run was cancelled on request"
    assert reply.headers["X-Run-Id"]


async def test_a_stream_begins_when_its_time_is_up_and_then_the_failure_is_told_in_it(
    new_server, dialect, monkeypatch
):
    monkeypatch.setattr(delivery, "HOLD_SECS", 0.05)
    server = await new_server()
    connection = await ask(server, dialect)
    assert await connection.head() == 200
    assert connection.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    begun = await connection.chunk()
    await cancel(server, server.newest())
    assert failure_of(dialect, begun + await connection.chunks()) == "The run was cancelled on request"


async def test_while_it_is_silent_it_says_that_it_is_there(new_server, dialect):
    server = await new_server(Bounds(keepalive_secs=0.05))
    connection, run = await speaking(server, dialect)
    heard = await until_pinged(connection)
    await cancel(server, run)
    assert failure_of(dialect, heard + await connection.chunks()) == "The run was cancelled on request"


async def test_what_is_not_for_the_client_does_not_keep_it_waiting_without_a_word(new_server, dialect):
    server = await new_server(Bounds(keepalive_secs=0.05))
    connection, run = await speaking(server, dialect)
    thinking = asyncio.ensure_future(think_aloud(run))
    heard = await until_pinged(connection)
    thinking.cancel()
    assert b"hm" not in heard


async def think_aloud(run):
    """Without an end, and faster than any clock."""
    while True:
        run.log.append(ReasoningDelta("hm"))
        await asyncio.sleep(0)


async def test_a_run_that_ends_with_the_server_is_503(server, dialect):
    connection = await ask(server, dialect)
    await server.started()
    ending = asyncio.ensure_future(server.supervisor.drain(0))
    reply = await connection.reply()
    await ending
    assert (reply.status, reply.headers["x-should-retry"], reply.headers["Retry-After"]) == (503, "false", "5")


async def test_a_reader_who_missed_something_is_told_so(new_server, dialect):
    server = await new_server(Bounds())
    connection = await ask(server, dialect)
    run = await server.started()
    run.log._spool = None  # as where nothing may be kept
    run.log.append(TextDelta("block-1", "said"))
    assert await connection.head() == 200
    for _ in range(20):  # more than the memory holds, in one turn of the loop
        run.log.append(TextDelta("block-1", "x" * (256 << 10)))
    assert failure_of(dialect, await connection.chunks()).startswith("Part of the answer is lost")


async def test_a_whole_answer_that_takes_too_long_is_504_and_its_run_is_stopped(new_server, dialect):
    server = await new_server(Bounds(request_secs=0.2))
    reply = await (await ask(server, dialect, stream=False)).reply()
    assert (reply.status, reply.headers["x-should-retry"]) == (504, "false")
    assert "server.request_timeout_secs" in reply.json["detail"]
    seen = await server.end(reply.headers["X-Run-Id"])
    assert (seen.state, seen.stop_cause) == (RunState.FAILED, StopCause.TIMEOUT)


async def test_a_whole_answer_is_given_up_only_by_the_last_who_waits_for_it(new_server, dialect, monkeypatch):
    server = await new_server(Bounds(request_secs=0.5))
    clock = held_clocks(monkeypatch, streams)
    first = await ask(server, dialect, stream=False, headers=keyed())
    run = await server.started()
    later = await ask(server, dialect, stream=False, headers=keyed())
    await until(lambda: len(run.owners) == 2)
    clock.set_result(None)
    assert (await first.reply()).status == 504
    assert (await later.reply()).status == 504
    assert (await server.end(run.id)).stop_cause == StopCause.TIMEOUT


async def test_a_full_queue_says_when_to_come_back(new_server, dialect):
    server = await new_server(limits=Limits(max_concurrent_runs=1, max_queued_runs=0))
    await ask(server, dialect)
    await server.started()
    reply = await (await ask(server, dialect)).reply()
    assert reply.status == 429
    assert 1 <= int(reply.headers["Retry-After"]) <= 60
    assert "x-should-retry" not in reply.headers, "nothing was begun: it may be asked again"
