"""What is kept for an idempotency key, by a server and for the next one; and what is said where it is not."""

import asyncio

import orjson
import pytest

from clinvk.supervisor.sessions import SessionOptions
from tests.api.client import DEADLINE
from tests.api.groups import demo
from tests.api.keyed import SSE, asked, check_same, is_replay, keyed, total, until
from tests.api.sessions import deleted

NOT_KEPT = "https://api.clinvk.dev/errors/answer-not-kept"
SILENT = SessionOptions(store_content=False)
STREAM = {"output_format": "stream-json"}
SHAPES = [
    ("/api/v1/prompt", demo("hello")),
    ("/api/v1/parallel", {"tasks": [demo("hello"), demo("/fail"), demo("/big 5")]}),
    ("/api/v1/chain", {"steps": [demo(), demo("{{previous}} again")]}),
    ("/api/v1/compare", {"backends": ["demo"], "prompt": "hello"}),
]
GROUPS = SHAPES[1:]


@pytest.fixture
def restarted(new_server, tmp_path):
    """Starts servers on one home, one after the other."""
    home, servers = tmp_path / "kept", []

    async def make(**options):
        for server in servers:
            await server.close()
        servers.append(await new_server(home=home, **options))
        return servers[-1]

    return make


async def fill(server):
    """Every write fails from now on, as on a full disk."""
    await server.keeping.store._read(lambda db: db.execute("PRAGMA query_only = ON"))


async def mend(server):
    await server.keeping.store._read(lambda db: db.execute("PRAGMA query_only = OFF"))


async def send(server, shape, *, accept=None, **fields):
    path, body = shape
    headers = keyed(**({"Accept": accept} if accept else {}))
    return await server.fetch(path, body | fields, headers=headers)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape[0])
async def test_an_answer_is_the_same_to_the_byte_also_from_the_next_server(restarted, shape):
    server = await restarted()
    first = await send(server, shape)
    check_same(first, await send(server, shape))
    runs = await total(server)
    server = await restarted()
    check_same(first, await send(server, shape))
    assert first.status == 200
    assert await total(server) == runs


@pytest.mark.parametrize("accept", [None, SSE])
async def test_a_stream_is_the_same_to_the_byte_also_from_the_next_server(restarted, accept):
    server = await restarted()
    first = await send(server, SHAPES[0], accept=accept, **STREAM)
    check_same(first, await send(server, SHAPES[0], accept=accept, **STREAM))
    server = await restarted()
    check_same(first, await send(server, SHAPES[0], accept=accept, **STREAM))
    assert await total(server) == 1


@pytest.mark.parametrize("shape", GROUPS, ids=lambda shape: shape[0])
async def test_the_stream_of_a_group_is_told_again_run_by_run(restarted, shape):
    server = await restarted()
    first = await send(server, shape, **STREAM)
    for _ in range(2):
        again = await send(server, shape, accept=SSE, **STREAM)
        assert (is_replay(again), again.headers["X-Group-Id"]) == (True, first.headers["X-Group-Id"])
        assert [event.id for event in again.sse] == list(range(len(first.events)))
        events = [event.data for event in again.sse]
        assert sorted(events, key=orjson.dumps) == sorted(first.events, key=orjson.dumps)
        assert events[-1] == first.events[-1]
        assert [event["seq"] for event in events if event["type"] == "run.queued"] == [0] * len(
            {event["run_id"] for event in events[:-1]}
        )
        server = await restarted()
    assert events[-1]["type"] == "group.finished"


async def test_a_group_is_joined_while_it_runs(server):
    shape = ("/api/v1/parallel", {"tasks": [demo("/hang"), demo()]})
    first = asyncio.ensure_future(send(server, shape))
    run = await server.started(2)
    second = asyncio.ensure_future(send(server, shape))
    group_id = run.run.spec.origin.group_id
    await until(lambda: len(server.services.groups.find(group_id).owners) == 2)
    await server.fetch(f"/api/v1/groups/{group_id}/cancel", method="POST", data=b"")
    check_same(await first, await second)
    check_same(await first, await send(server, shape))
    assert await total(server) == 2


async def test_a_group_none_of_whose_runs_can_begin_leaves_the_key(server):
    shape = ("/api/v1/parallel", {"tasks": [demo(workdir="/not/there")]})
    assert (await send(server, shape)).status == 400
    assert (await send(server, SHAPES[1])).status == 200


async def test_a_detached_run_is_told_by_the_next_server_too(restarted):
    server = await restarted()
    first = await asked(server, "hello", detach=True)
    await server.end(first.json["id"])
    server = await restarted()
    again = await asked(server, "hello", detach=True)
    assert (again.status, again.json["id"], again.json["state"]) == (202, first.json["id"], "completed")
    assert is_replay(again)


async def test_what_a_server_ended_with_it_answers_the_same_from_the_next(restarted):
    server = await restarted()
    asking = asyncio.ensure_future(asked(server, "/hang"))
    await server.started()
    closing = asyncio.ensure_future(server.close())
    first = await asking
    await closing
    assert (first.json["exit_code"], first.json["error"]) == (
        -1, "The run was cancelled because the server shut down"
    )  # fmt: skip
    check_same(first, await asked(await restarted(), "/hang"))


@pytest.mark.parametrize("prompt", ["hello", "/tool", "/fail"])
async def test_where_content_is_not_stored_an_answer_is_made_anew_while_it_is_at_hand(restarted, prompt):
    server = await restarted(options=SILENT)
    check_same(await asked(server, prompt), await asked(server, prompt))
    streamed = await asked(server, prompt, key="key-2", **STREAM)
    check_same(streamed, await asked(server, prompt, key="key-2", **STREAM))
    server = await restarted(options=SILENT)
    for reply in (await asked(server, prompt), await asked(server, prompt, key="key-2", **STREAM)):
        assert (reply.status, reply.json["type"], reply.headers["x-should-retry"]) == (409, NOT_KEPT, "false")
    assert "use another key" in reply.json["detail"]
    assert await total(server) == 2


@pytest.mark.parametrize("fields", [{}, STREAM])
async def test_where_content_is_not_stored_a_group_says_so_and_is_named(restarted, fields, tmp_path):
    server = await restarted(options=SILENT)
    first = again = await send(server, SHAPES[1], **fields)
    async with asyncio.timeout(DEADLINE):
        while again.status == 200:  # it is at hand for a moment after its last byte
            again = await send(server, SHAPES[1], **fields)
    assert (again.status, again.json["type"]) == (409, NOT_KEPT)
    assert again.json["detail"] == (
        f"This Idempotency-Key started the group of runs '{first.headers['X-Group-Id']}',"
        " whose answer was not kept or is deleted: use another key to run it again"
    )
    assert await total(server) == 3
    found = [path for path in (tmp_path / "kept").rglob("*") if path.is_file() and b"the d" in path.read_bytes()]
    assert found == []


async def test_no_key_and_no_request_is_stored_as_it_was_sent(restarted, tmp_path):
    server = await restarted(options=SILENT)
    await asked(server, "hello", key="the-very-key", metadata={"a": "b"})
    await asked(server, "the very prompt", key="another", ephemeral=True, detach=True)
    await server.close()
    said = b"".join(path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file())
    assert b"run_" in said
    assert b"the-very-key" not in said
    assert b"the very prompt" not in said


@pytest.mark.parametrize("fields", [{}, STREAM, {"detach": True}])
async def test_the_answer_goes_with_its_session_and_the_run_is_not_begun_again(server, fields):
    first = await asked(server, **fields)
    run_id = first.headers["X-Run-Id"]
    session = (await server.end(run_id)).session_id
    await deleted(server, session)
    reply = await asked(server, **fields)
    assert (reply.status, reply.json["type"]) == (409, NOT_KEPT)
    assert f"the run '{run_id}'" in reply.json["detail"]
    assert await total(server) == 0


@pytest.mark.usefixtures("complaints")
async def test_without_a_store_that_takes_it_a_key_is_refused_and_nothing_else(server):
    await fill(server)
    for shape in SHAPES:
        reply = await send(server, shape)
        assert (reply.status, reply.json["title"]) == (503, "Store Unavailable")
        path, body = shape
        assert (await server.fetch(path, body)).status == 200
    await mend(server)
    reply = await asked(server)
    assert (reply.status, is_replay(reply)) == (200, False)


async def test_an_answer_that_the_store_refused_is_made_anew(server, complaints):
    first = asyncio.ensure_future(asked(server, "/hang"))
    run = await server.started()
    await fill(server)
    await server.fetch(f"/api/v1/runs/{run.id}", method="DELETE")
    assert (await first).status == 200
    assert complaints()
    await mend(server)
    again = await asked(server, "/hang")
    check_same(await first, again)
