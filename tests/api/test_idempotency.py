"""Idempotency-Key: who asks again gets what there is, and starts nothing."""

import asyncio
import json
from dataclasses import replace

import pytest

from clinvk.api import answering
from clinvk.api.services import Bounds
from clinvk.api.table import ROUTES
from clinvk.domain.run import RunState, StopCause
from clinvk.supervisor.limits import Limits
from tests.api.client import Stream
from tests.api.conftest import BRIEF
from tests.api.keyed import PROMPT, SSE, asked, check_same, held_clocks, is_replay, keyed, total, until
from tests.conftest import Later

MISMATCH = "https://api.clinvk.dev/errors/idempotency-mismatch"
HOUR = 3600.0


async def test_the_same_request_again_is_given_the_same_answer_to_the_byte(server):
    first = await asked(server, BRIEF, metadata={"ticket": "42"}, model="m")
    for _ in range(2):
        check_same(first, await asked(server, BRIEF, metadata={"ticket": "42"}, model="m"))
    assert first.json["exit_code"] == 0
    assert await total(server) == 1


@pytest.mark.parametrize("prompt", ["/fail", "/crash", "/tool"])
async def test_a_failure_is_an_answer_too(server, prompt):
    check_same(await asked(server, prompt), await asked(server, prompt))
    assert await total(server) == 1


async def test_without_a_key_and_with_another_each_request_is_its_own(server):
    replies = [await asked(server), await asked(server, key="key-2"), await server.prompt("/big 5")]
    replies.append(await server.prompt("/big 5"))
    assert len({reply.json["run_id"] for reply in replies}) == 4
    assert not any(map(is_replay, replies))


@pytest.mark.parametrize("streamed", [{}, {"output_format": "stream-json"}])
async def test_many_at_the_same_moment_start_one_run_and_all_get_its_answer(server, streamed):
    replies = await asyncio.gather(*(asked(server, BRIEF, **streamed) for _ in range(8)))
    assert sorted(map(is_replay, replies)) == [False] + [True] * 7
    assert len({reply.body for reply in replies}) == 1
    assert await total(server) == 1


async def test_whoever_comes_while_it_runs_waits_for_the_same_answer(server):
    first = asyncio.ensure_future(asked(server, "/hang"))
    run = await server.started()
    second = asyncio.ensure_future(asked(server, "/hang"))
    await until(lambda: len(run.owners) == 2)
    await server.fetch(f"/api/v1/runs/{run.id}", method="DELETE")
    check_same(await first, await second)
    assert (await first).json["exit_code"] == -1
    check_same(await first, await asked(server, "/hang"))
    assert await total(server) == 1


async def test_a_stream_that_is_joined_has_every_event_from_the_first(server):
    first = await server.post(
        {"backend": "demo", "prompt": "/hang", "output_format": "stream-json"}, headers=keyed()
    )
    await first.head()
    events = Stream(first)
    await events.until("session.bound")
    second = asyncio.ensure_future(asked(server, "/hang", accept=SSE, output_format="stream-json"))
    run = server.newest()
    await until(lambda: len(run.owners) == 2)
    await server.fetch(f"/api/v1/runs/{run.id}", method="DELETE")
    told = (await second).sse
    assert [event.id for event in told] == list(range(len(told)))
    assert [told[0].event, told[-1].event] == ["run.queued", "run.finished"]
    assert is_replay(await second)
    assert await total(server) == 1


@pytest.mark.parametrize("accept", [None, SSE])
async def test_a_stream_that_has_ended_is_streamed_once_more_in_either_form(server, accept):
    first = await asked(server, BRIEF, output_format="stream-json")
    again = await asked(server, BRIEF, accept=accept, output_format="stream-json")
    if accept:
        assert [event.data for event in again.sse] == first.events
        assert is_replay(again)
    else:
        check_same(first, again)
    assert sum(event["type"] == "text.delta" for event in first.events) > 2
    assert await total(server) == 1


async def test_a_detached_run_is_told_as_it_is_now(server):
    first = await asked(server, "/hang", detach=True)
    live = await asked(server, "/hang", detach=True)
    run_id = first.json["id"]
    assert (live.status, live.json["id"], is_replay(live)) == (202, run_id, True)
    await server.fetch(f"/api/v1/runs/{run_id}?wait=20", method="DELETE")
    ended = await asked(server, "/hang", detach=True)
    assert (ended.status, ended.json["id"], ended.json["state"]) == (202, run_id, "cancelled")
    assert (ended.headers["X-Run-Id"], is_replay(ended)) == (run_id, True)
    assert await total(server) == 1


@pytest.mark.parametrize("prompt", ["/hang", "/big 5"])
async def test_another_body_with_the_same_key_is_refused_live_or_ended(server, prompt):
    await asked(server, prompt, detach=True)
    if prompt != "/hang":
        await server.end(server.newest().id)
    for fields in ({"model": "m"}, {"metadata": {"a": "b"}}, {"output_format": "stream-json"}):
        reply = await asked(server, prompt, detach=True, **fields)
        assert (reply.status, reply.json["type"], reply.headers["x-should-retry"]) == (422, MISMATCH, "false")
    assert reply.json["detail"] == (
        "This Idempotency-Key was used for another request within 24 hours:"
        " send that one again, or use another key"
    )
    assert not is_replay(reply)
    assert await total(server) == 1


async def test_the_same_body_on_another_path_is_another_request(new_server):
    (route,) = (route for route in ROUTES if route.path == PROMPT)
    server = await new_server(routes=(*ROUTES, replace(route, path="/elsewhere", name="elsewhere")))
    body = {"backend": "demo", "prompt": "/big 5"}
    first = await server.fetch(PROMPT, body, headers=keyed())
    assert (await server.fetch("/elsewhere", body, headers=keyed())).json["type"] == MISMATCH
    check_same(first, await server.fetch("//api/v1//prompt/", body, headers=keyed()))


async def test_the_order_of_fields_and_their_spacing_do_not_matter(server):
    body = {"backend": "demo", "prompt": "ünï /big 5", "metadata": {"a": "1", "b": "2"}}
    turned = {"metadata": {"b": "2", "a": "1"}, "prompt": "ünï /big 5", "backend": "demo"}
    first = await server.fetch(PROMPT, body, headers=keyed())
    data = json.dumps(turned, indent=3, ensure_ascii=False).encode()
    check_same(first, await server.fetch(PROMPT, data=data, headers=keyed()))
    mixed = body | {"metadata": {"a": "2", "b": "1"}}
    assert (await server.fetch(PROMPT, mixed, headers=keyed())).json["type"] == MISMATCH


@pytest.mark.parametrize(
    ("refused", "status"),
    [({"backend": "unknown"}, 400), ({"workdir": "/not/there"}, 400), ({"session_id": "ses_none"}, 404)],
)
async def test_a_request_that_was_refused_leaves_its_key_to_the_next(server, refused, status):
    twins = await asyncio.gather(*(asked(server, **refused) for _ in range(3)))
    assert [reply.status for reply in twins] == [status] * 3
    assert (await asked(server)).status == 200
    assert await total(server) == 1


async def test_a_busy_session_or_a_full_queue_leaves_the_key_too(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1, max_queued_runs=0))
    await server.prompt("/hang", detach=True)
    run = await server.started()
    for fields, slug in (({"session_id": run.run.spec.session_id}, "session-busy"), ({}, "overloaded")):
        assert (await asked(server, **fields)).json["type"].endswith(f"/{slug}")
    await server.fetch(f"/api/v1/runs/{run.id}?wait=20", method="DELETE")
    await until(lambda: not server.supervisor.live)
    reply = await asked(server)
    assert (reply.status, is_replay(reply)) == (200, False)


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "tab\there", "ünï"])
async def test_a_key_that_is_none_is_a_fault_of_the_request(server, key):
    reply = await asked(server, key=key.encode().decode("latin-1"))
    assert reply.status == 400
    (fault,) = reply.json["errors"]
    assert (fault["path"], fault["expected"]) == ("Idempotency-Key", "1 to 255 visible ASCII characters")
    assert await total(server) == 0


async def test_any_visible_text_is_a_key(server):
    for key in ("k", "k" * 255, '!"#~', "key,with;everything"):
        check_same(await asked(server, key=key), await asked(server, key=key))


async def test_the_key_of_a_dry_run_is_not_used(server):
    shown = [await asked(server, "/hang", dry_run=True) for _ in range(2)]
    assert shown[0].json == shown[1].json
    assert not any(map(is_replay, shown))
    check_same(await asked(server), await asked(server))
    other = await server.fetch(
        "/api/v1/parallel", {"dry_run": True, "tasks": [{"backend": "demo", "prompt": "x"}]}, headers=keyed()
    )
    assert other.json["dry_run"]


@pytest.mark.parametrize("first_leaves", [True, False])
async def test_a_run_lives_while_one_of_its_owners_is_there_and_ends_with_the_last(server, first_leaves):
    body = {"backend": "demo", "prompt": "/hang"}
    first = await server.post(body, headers=keyed())
    run = await server.started()
    second = await server.post(body, headers=keyed())
    await until(lambda: len(run.owners) == 2)
    leaves, stays = (first, second) if first_leaves else (second, first)
    await leaves.leave()
    await until(lambda: len(run.owners) == 1)
    assert run.run.stop is None
    await stays.leave()
    assert (await server.end(run.id)).stop_cause is StopCause.DISCONNECT


async def test_who_waited_for_the_start_owns_the_run_although_its_starter_has_left(server):
    held, free = asyncio.Event(), asyncio.Event()
    starting = server.supervisor.start

    async def slow(*args):
        held.set()
        await free.wait()
        return await starting(*args)

    server.supervisor.start = slow
    body = {"backend": "demo", "prompt": "/big 5"}
    first = await server.post(body, headers=keyed())
    await held.wait()
    second = asyncio.ensure_future(asked(server))
    (use,) = server.services.idempotency._uses.values()
    await until(lambda: use._waiting)
    await first.leave(abruptly=True)
    await server.log.first("clinvk.access")
    free.set()
    assert (await second).json["output"] == "the d"
    assert is_replay(await second)
    assert server.newest().run.state is RunState.COMPLETED


async def test_who_loses_patience_does_not_end_it_for_the_others(new_server, monkeypatch):
    server = await new_server(Bounds(request_secs=0.3))
    clock = held_clocks(monkeypatch, answering)
    asking = asyncio.ensure_future(asked(server, "/hang"))
    run = await server.started()
    (use,) = server.services.idempotency._uses.values()
    await use.join("another")
    clock.set_result(None)
    assert (await asking).status == 504
    assert run.run.stop is None
    use._shared.owners.leave("another")
    assert (await server.end(run.id)).stop_cause is StopCause.DISCONNECT


async def test_who_loses_patience_alone_ends_it_and_that_is_its_answer_then(new_server):
    server = await new_server(Bounds(request_secs=0.3))
    assert (await asked(server, "/hang")).status == 504
    assert (await server.end(server.newest().id)).stop_cause is StopCause.TIMEOUT
    again = await asked(server, "/hang")
    assert (again.status, again.json["exit_code"], is_replay(again)) == (200, 1, True)
    assert await total(server) == 1


async def test_one_request_id_on_both_is_no_confusion(server):
    mine = {"X-Request-Id": "mine-1"}
    replies = await asyncio.gather(*(server.prompt(BRIEF, headers=keyed(**mine)) for _ in range(3)))
    assert {reply.headers["X-Request-Id"] for reply in replies} == {"mine-1"}
    assert len({reply.body for reply in replies}) == 1
    again = await server.prompt(BRIEF, headers=keyed(**{"X-Request-Id": "mine-2"}))
    assert (again.body, again.headers["X-Request-Id"]) == (replies[0].body, "mine-2")


async def test_a_key_holds_for_a_day(server):
    first = await asked(server)
    server.services.idempotency._clock = Later(23.9 * HOUR)
    check_same(first, await asked(server))
    server.services.idempotency._clock = Later(24.1 * HOUR)
    other = await asked(server, "/big 6")
    assert (other.status, other.json["output"], is_replay(other)) == (200, "the de", False)


async def test_keys_past_their_day_are_swept_with_what_else_is_past_its_time(server):
    await asked(server)
    store, keeper = server.keeping.store, server.supervisor.keeper

    async def keys():
        return await store._read(lambda db: db.execute("SELECT count(*) FROM idempotency_keys").fetchone()[0])

    await keeper.tidy()
    assert await keys() == 1
    keeper._clock = Later(24.1 * HOUR)
    await keeper.tidy()
    assert await keys() == 0
