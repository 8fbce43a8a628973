"""Many at once, more than there is room for, and the server's last moments."""

import asyncio

from clinvk.domain.run import RunState, StopCause
from clinvk.supervisor.limits import Limits
from tests.api.conftest import BRIEF

DEADLINE = 20.0


async def test_health_answers_while_fifty_streams_are_under_way(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=50))
    streams = await asyncio.gather(*(server.stream("/steady 4 60") for _ in range(50)))
    await asyncio.gather(*(stream.until("text.delta") for stream in streams))
    reply = await server.fetch("/health")
    assert (reply.json["status"], reply.json["runs"]) == ("ok", {"live": 50, "queued": 0})
    await asyncio.gather(*(stream.leave() for stream in streams))
    views = await asyncio.gather(*(server.end(stream.run_id) for stream in streams))
    assert {view.stop_cause for view in views} == {StopCause.DISCONNECT}


async def test_beyond_the_queues_bound_a_prompt_is_429_and_told_when_to_come_again(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1, max_queued_runs=2))
    for _ in range(3):
        assert (await server.prompt("/hang", detach=True)).status == 202
    for how in ({}, {"detach": True}, {"output_format": "stream-json"}):
        reply = await server.prompt("hello", **how)
        assert (reply.status, reply.json["type"]) == (429, "https://api.clinvk.dev/errors/overloaded")
        assert reply.json["detail"] == "The queue is full: 2 runs are waiting for a free slot"
        assert 1 <= int(reply.headers["Retry-After"]) <= 60
        assert "X-Run-Id" not in reply.headers
    health = (await server.fetch("/health")).json
    assert health["runs"] == {"live": 1, "queued": 2}
    assert (await server.prompt("hello", dry_run=True)).status == 200


async def test_a_queued_prompt_is_answered_once_there_is_room(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    replies = await asyncio.gather(*(server.prompt("/big 5") for _ in range(5)))
    assert {reply.json["output"] for reply in replies} == {"the d"}


async def test_a_server_that_drains_takes_no_new_runs_and_lets_live_ones_end(server):
    live = asyncio.ensure_future(server.prompt(BRIEF))
    await server.started()
    draining = asyncio.ensure_future(server.supervisor.drain(DEADLINE))
    while not server.supervisor.draining:
        await asyncio.sleep(0)
    for how in ({}, {"detach": True}, {"output_format": "stream-json"}):
        reply = await server.prompt("hello", **how)
        assert (reply.status, reply.json["type"]) == (503, "https://api.clinvk.dev/errors/shutting-down")
        assert reply.headers["Retry-After"] == "5"
    health = await server.fetch("/health")
    assert (health.status, health.json["status"]) == (503, "draining")
    assert (await live).json["exit_code"] == 0
    await draining


async def test_a_live_run_that_the_end_of_the_server_stops_is_answered_all_the_same(server):
    asking = asyncio.ensure_future(server.prompt("/hang"))
    stream = await server.stream("/hang")
    await server.started(2)
    await server.supervisor.drain(0)
    reply = await asking
    assert (reply.json["exit_code"], reply.json["error"]) == (
        -1,
        "The run was cancelled because the server shut down",
    )
    assert (await stream.until("run.finished"))["state"] == RunState.CANCELLED
    assert await stream.connection.chunk() == b""


async def test_a_server_that_ends_waits_for_its_last_answers(server):
    requests = server.services.requests
    await requests.none_left(1000)  # at once: there is none
    asking = asyncio.ensure_future(server.prompt("/hang"))
    run = await server.started()
    waiting = asyncio.ensure_future(requests.none_left(1000))
    server.supervisor.stop(run.id, StopCause.CONSOLE)
    assert (await asking).json["exit_code"] == -1
    async with asyncio.timeout(DEADLINE):
        await waiting


async def test_a_server_that_ends_does_not_wait_for_ever(server):
    connection = await server.raw("GET", "/api/v1/events")
    await connection.head()
    async with asyncio.timeout(DEADLINE):
        await server.services.requests.none_left(0.05)
