"""How a run came by its child stands in the head of its answer, in every API."""

import pytest

from clinvk.domain.run import StopCause
from clinvk.supervisor.limits import Limits, PoolLimits
from tests.api.client import hanging
from tests.api.conftest import BRIEF, QUICK
from tests.api.groups import demo, runs_of
from tests.api.keyed import keyed

HEADER = "X-Clinvk-Start"
SAID = {"model": "demo", "messages": [{"role": "user", "content": QUICK}]}
DIALECTS = {
    "chat": ("/openai/v1/chat/completions", SAID),
    "responses": ("/openai/v1/responses", {"model": "demo", "input": QUICK}),
    "messages": ("/anthropic/v1/messages", SAID | {"max_tokens": 100}),
    "native": ("/api/v1/prompt", {"backend": "demo", "prompt": QUICK}),
}


@pytest.fixture
async def server(new_server):
    """With room for children that wait."""
    return await new_server(limits=Limits(pool=PoolLimits(children=3)))


async def ask(server, dialect, **more):
    path, body = DIALECTS[dialect]
    return await server.fetch(path, body | more)


async def starts(server, dialect, times=2, **more):
    """What the heads of so many answers said, one after the other."""
    return [(await ask(server, dialect, **more)).headers.get(HEADER) for _ in range(times)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
async def test_the_dialects_tell_it_whole_and_in_streams(server, dialect, stream):
    assert await starts(server, dialect, stream=stream) == ["cold", "warm"]


async def test_the_native_api_tells_it_and_what_goes_on_in_its_process_is_live(server):
    first = await ask(server, "native")
    again = await ask(server, "native", session_id=first.json["session_id"])
    other = await ask(server, "native", ephemeral=True)
    assert [each.headers[HEADER] for each in (first, again, other)] == ["cold", "live", "warm"]
    for each in (first, again, other):
        seen = (await server.fetch(f"/api/v1/runs/{each.headers['X-Run-Id']}")).json
        assert seen["start"] == each.headers[HEADER]
        assert not {"pid", "exit"} & seen.keys(), "the process may be another run's by now"


async def test_a_failure_tells_it_too(server):
    reply = await server.fetch("/openai/v1/chat/completions", SAID | {"messages": [said("/crash")]})
    assert (reply.status, reply.headers[HEADER]) == (502, "cold")


async def test_a_native_stream_tells_it_in_the_head_only_if_its_child_was_there_by_then(server):
    reply = await ask(server, "native", output_format="stream-json")
    (told,) = (event["start"] for event in reply.events if event["type"] == "run.started")
    assert told == "cold"
    assert reply.headers.get(HEADER) in {None, "cold"}


async def test_while_it_waits_for_its_turn_there_is_nothing_to_tell(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    await hanging(server)
    detached = await server.prompt(QUICK, detach=True)
    assert (detached.status, HEADER in detached.headers) == (202, False)


async def test_the_head_of_a_detached_run_tells_it_once_it_has_its_child(server):
    headers = keyed()
    first = await server.prompt("/hang", detach=True, headers=headers)
    await server.started()
    live = await server.prompt("/hang", detach=True, headers=headers)
    await server.fetch(f"/api/v1/runs/{first.json['id']}?wait=20", method="DELETE")
    ended = await server.prompt("/hang", detach=True, headers=headers)
    assert [live.headers[HEADER], ended.headers[HEADER]] == ["cold", "cold"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_answer_that_is_told_again_is_that_of_the_run_that_began_so(server, dialect):
    path, body = DIALECTS[dialect]
    first = await server.fetch(path, body, headers=keyed())
    again = await server.fetch(path, body, headers=keyed())
    assert (again.headers["Idempotent-Replayed"], again.headers["X-Run-Id"]) == ("true", first.headers["X-Run-Id"])
    assert (first.headers[HEADER], again.headers[HEADER]) == ("cold", "cold")


async def test_who_joins_a_run_is_told_it_too(server):
    body = DIALECTS["chat"][1] | {"messages": [said(BRIEF)]}
    joined = [await server.post(body, keyed(), "/openai/v1/chat/completions") for _ in range(2)]
    assert [(await each.reply()).headers[HEADER] for each in joined] == ["cold", "cold"]


async def test_a_run_that_is_asked_for_once_more_says_no_more_than_is_known(server):
    first = await server.prompt(QUICK)
    again = await server.fetch(f"/api/v1/runs/{first.json['run_id']}/rerun", {})
    assert again.headers.get(HEADER) in {None, "warm"}
    assert (await server.end(again.headers["X-Run-Id"])).start == "warm"


async def test_a_group_tells_it_of_each_run_and_not_of_itself(server):
    connection = await server.post({"tasks": [demo("/hang"), demo("/hang")]}, path="/api/v1/parallel")
    await server.started(2)
    runs = await runs_of(server, server.newest().run.spec.origin.group_id)
    assert [run["start"] for run in runs] == ["cold", "cold"]
    for run in runs:
        server.supervisor.stop(run["id"], StopCause.CLIENT)
    assert HEADER not in (await connection.reply()).headers


async def test_what_is_only_shown_has_none(server):
    assert HEADER not in (await ask(server, "native", dry_run=True)).headers


def said(text):
    return {"role": "user", "content": text}
