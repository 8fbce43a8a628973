"""Streams of events: one run's with replay, and the lifecycle of all of them."""

import json

import pytest

from clinvk.api.routes import NDJSON, SSE
from tests.api.client import hanging, run_of

AS_LINES = {"Accept": NDJSON}


@pytest.mark.parametrize("prompt", ["/big 5", "/tool", "/fail", "/crash"])
async def test_a_replay_is_the_live_stream_byte_for_byte(server, prompt):
    live = await server.prompt(prompt, output_format="stream-json")
    replay = await server.fetch(f"/api/v1/runs/{live.headers['X-Run-Id']}/events", headers=AS_LINES)
    assert replay.body == live.body
    assert "X-Run-Id" not in replay.headers


async def test_a_replay_of_events_is_the_live_stream_byte_for_byte(server):
    live = await server.prompt("/big 5", output_format="stream-json", headers={"Accept": SSE})
    replay = await server.fetch(f"/api/v1/runs/{live.headers['X-Run-Id']}/events")
    assert replay.body == live.body
    assert replay.headers["Content-Type"] == "text/event-stream; charset=utf-8"


async def test_a_long_replay_comes_from_the_disk_byte_for_byte(server):
    stream = await server.stream("/burst 12000")
    live = await stream.connection.chunks()
    path = f"/api/v1/runs/{stream.run_id}/events"
    connection = await server.raw("GET", path, AS_LINES)
    await connection.head()
    assert await connection.chunks() == live
    connection = await server.raw("GET", path, AS_LINES | {"Last-Event-ID": "11990"})
    await connection.head()
    assert await connection.chunks() == live[live.index(b'"seq":11991,') - len(b'{"type":"text.delta",') :]


@pytest.mark.parametrize("last", [-1, 0, 3])
@pytest.mark.parametrize("accept", [SSE, NDJSON])
async def test_a_reader_that_comes_back_gets_what_it_has_not_seen(server, last, accept):
    run_id = await run_of(server, "/big 5")
    reply = await server.fetch(
        f"/api/v1/runs/{run_id}/events", headers={"Accept": accept, "Last-Event-ID": str(last)}
    )
    events = reply.events if accept == NDJSON else [event.data for event in reply.sse]
    assert events[0]["seq"] == last + 1
    assert events[-1]["type"] == "run.finished"


async def test_a_reader_that_has_seen_everything_gets_an_empty_stream(server):
    reply = await server.prompt("/big 5", output_format="stream-json")
    last = str(reply.events[-1]["seq"])
    path = f"/api/v1/runs/{reply.headers['X-Run-Id']}/events"
    assert (await server.fetch(path, headers={"Last-Event-ID": last})).body == b""
    assert (await server.fetch(path, headers={"Last-Event-ID": "9999"})).body == b""


@pytest.mark.parametrize("last", ["x", "1.5", "-2", ""])
async def test_an_event_number_that_is_none_is_refused(server, last):
    run_id = await run_of(server, "/fail")
    for path in (f"/api/v1/runs/{run_id}/events", "/api/v1/events"):
        reply = await server.fetch(path, headers={"Last-Event-ID": last})
        assert (reply.status, reply.json["errors"][0]["path"]) == (400, "Last-Event-ID")


async def test_a_watcher_follows_a_run_from_its_first_event_to_its_end(server):
    run_id = await hanging(server)
    connection = await server.raw("GET", f"/api/v1/runs/{run_id}/events", AS_LINES)
    await connection.head()
    await server.fetch(f"/api/v1/runs/{run_id}", method="DELETE")
    events = [json.loads(line) for line in (await connection.chunks()).splitlines()]
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert (events[-1]["type"], events[-1]["state"]) == ("run.finished", "cancelled")


async def test_head_of_a_runs_events_does_not_wait_for_its_end(server):
    run_id = await hanging(server)
    reply = await server.fetch(f"/api/v1/runs/{run_id}/events", method="HEAD")
    assert (reply.status, reply.media_type, reply.body) == (200, SSE, b"")
    assert "Content-Length" not in reply.headers


def parsed(body):
    """Server-sent events as (id, type, data)."""
    found = []
    for block in body.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


async def next_events(connection, count):
    """The next `count` server-sent events as (id, type, run)."""
    body = b""
    while body.count(b"\n\n") < count:
        body += await connection.chunk()
    return [(number, kind, data["run_id"]) for number, kind, data in parsed(body)]


LIFE = ["run.queued", "run.started", "run.finished"]


async def test_the_stream_of_all_runs_tells_every_runs_lifecycle_under_numbers_of_its_own(server):
    before = await run_of(server, "/big 5")
    connection = await server.raw("GET", "/api/v1/events")
    assert await connection.head() == 200
    one, two = await run_of(server, "/big 5"), await run_of(server, "/fail")
    events = await next_events(connection, 6)
    assert events == [(3 + n, kind, one) for n, kind in enumerate(LIFE)] + [
        (6 + n, kind, two) for n, kind in enumerate(LIFE)
    ]
    assert before not in {run for _, _, run in events}


@pytest.mark.parametrize(("last", "first"), [("-1", 0), ("0", 1), ("2", 3), ("4", 5)])
async def test_the_stream_of_all_runs_goes_on_where_its_reader_left_off(server, last, first):
    one, two = await run_of(server, "/big 5"), await run_of(server, "/big 5")
    whole = [*zip(LIFE, [one] * 3, strict=True), *zip(LIFE, [two] * 3, strict=True)]
    connection = await server.raw("GET", "/api/v1/events", {"Last-Event-ID": last})
    await connection.head()
    events = await next_events(connection, 6 - first)
    assert events == [(number, *whole[number]) for number in range(first, 6)]


async def test_a_reader_that_was_there_before_the_server_was_restarted_misses_nothing_of_this_one(server):
    await run_of(server, "/big 5")
    connection = await server.raw("GET", "/api/v1/events", {"Last-Event-ID": "5000"})
    await connection.head()
    assert [kind for _, kind, _ in await next_events(connection, 3)] == LIFE


async def test_a_reader_that_comes_back_too_late_is_told_that_it_has_missed_something(server):
    await run_of(server, "/big 5")
    journal = server.supervisor.journal
    newest = (await journal.read())[-1]
    for _ in range(10_000):
        journal.relay(newest)
    connection = await server.raw("GET", "/api/v1/events", {"Last-Event-ID": "0"})
    await connection.head()
    body = b""
    while b"id: %d\n" % (journal.length - 1) not in body or not body.endswith(b"\n\n"):
        body += await connection.chunk()
    (number, kind, notice), *kept = parsed(body)
    assert server.faults("domain/event", notice) == []
    assert (kind, number > 1000) == ("notice", True)
    assert notice["message"] == f"truncated: {number} earlier events were not kept"
    assert [other for other, _, _ in kept] == list(range(number + 1, journal.length))


async def test_the_stream_of_all_runs_ends_when_the_server_does(server):
    connection = await server.raw("GET", "/api/v1/events")
    await connection.head()
    await server.supervisor.drain(0)
    assert await connection.chunks() == b""
