"""/api/v1/runs and /api/v1/events: watch and stop what is under way."""

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from clinvk.backends.base import Rung, Step
from clinvk.backends.registry import Registry
from clinvk.domain.run import RunState, StopCause
from clinvk.supervisor.limits import Limits
from tests.api.client import DEADLINE, hanging, heard, run_of
from tests.conftest import FakeBackend


class Unwilling(FakeBackend):
    """Its CLI is not asked for more than a test takes, which it does not heed, and is killed by the test."""

    traits = replace(FakeBackend.traits, stop=(Rung(Step.SIGTERM, 2 * DEADLINE),))


@pytest.fixture
async def unwilling(new_server):
    """A server, and the id of a run on it whose child obeys nothing."""
    server = await new_server(registry=Registry((Unwilling(),)))
    reply = await server.prompt("anything", backend="fake", model="deaf", detach=True)
    run_id = reply.headers["X-Run-Id"]
    await heard(server, run_id, b"I do not listen")
    return server, run_id


async def killed(server, run_id):
    """The run once its child was killed."""
    os.kill(server.supervisor.handle(run_id).run.pid, signal.SIGKILL)
    return await server.end(run_id)


async def test_runs_are_listed_newest_first(server):
    ids = [await run_of(server, prompt) for prompt in ("/big 5", "/fail", "/big 6")]
    reply = await server.fetch("/api/v1/runs")
    assert server.faults("native/run-list", reply.json) == []
    assert [run["id"] for run in reply.json["runs"]] == ids[::-1]
    assert (reply.json["total"], reply.json["limit"], reply.json["offset"]) == (3, 50, 0)


async def test_a_page_of_runs_is_what_the_query_says(server):
    for prompt in ("/big 5", "/fail", "/big 6"):
        await run_of(server, prompt)
    for query, prompts, total in [
        ("state=completed", ["/big 6", "/big 5"], 2),
        ("state=failed", ["/fail"], 1),
        ("state=running", [], 0),
        ("live=true", [], 0),
        ("live=false", ["/big 6", "/fail", "/big 5"], 3),
        ("backend=demo", ["/big 6", "/fail", "/big 5"], 3),
        ("backend=claude", [], 0),
        ("backend=demo&state=failed", ["/fail"], 1),
        ("limit=1", ["/big 6"], 3),
        ("limit=1&offset=1", ["/fail"], 3),
        ("offset=2", ["/big 5"], 3),
        ("offset=10000", [], 3),
        ("state=completed&limit=1&offset=1", ["/big 5"], 2),
        ("unknown=x", ["/big 6", "/fail", "/big 5"], 3),
    ]:
        page = (await server.fetch(f"/api/v1/runs?{query}")).json
        assert ([run["prompt_preview"] for run in page["runs"]], page["total"]) == (prompts, total), query


@pytest.mark.parametrize(
    ("query", "path", "expected"),
    [
        ("limit=0", "?limit", "at least 1"),
        ("limit=201", "?limit", "at most 200"),
        ("limit=-1", "?limit", "at least 1"),
        ("limit=x", "?limit", "an integer"),
        ("limit=1.5", "?limit", "an integer"),
        ("limit=", "?limit", "an integer"),
        ("limit=1_0", "?limit", "an integer"),
        ("limit=%D9%A3", "?limit", "an integer"),
        ("limit=" + "9" * 5000, "?limit", "an integer"),
        ("offset=-1", "?offset", "at least 0"),
        ("offset=10001", "?offset", "at most 10000"),
        ("offset=" + "9" * 40, "?offset", "at most 10000"),
        ("live=1", "?live", "a boolean"),
        ("live=True", "?live", "a boolean"),
        ("state=weird", "?state",
         'one of "queued", "starting", "running", "stopping", "completed", "failed", "cancelled"'),
    ],
)  # fmt: skip
async def test_a_query_that_makes_no_sense_is_told_so(server, query, path, expected):
    reply = await server.fetch(f"/api/v1/runs?{query}")
    assert reply.status == 400
    assert [(fault["path"], fault["expected"]) for fault in reply.json["errors"]] == [(path, expected)]
    assert reply.json["error"]["param"] == path.lstrip("?")


async def test_every_fault_of_a_query_is_told(server):
    reply = await server.fetch("/api/v1/runs?limit=0&offset=x&state=weird")
    assert {fault["path"] for fault in reply.json["errors"]} == {"?limit", "?offset", "?state"}


async def test_a_run_is_shown_whole(server):
    run_id = await run_of(server, "/big 5", model="m", metadata={"a": "b"})
    run = (await server.fetch(f"/api/v1/runs/{run_id}")).json
    assert (run["state"], run["model"], run["metadata"]) == ("completed", "m", {"a": "b"})
    assert run["created_at"] <= run["started_at"] <= run["finished_at"]
    assert 0 <= run["first_output_ms"] <= run["duration_ms"]
    assert run["command"]["cwd"] == server.services.default_workdir


async def test_a_live_run_shows_its_process(server):
    run_id = await hanging(server)
    run = (await server.fetch(f"/api/v1/runs/{run_id}")).json
    assert (run["state"], run["pid"] > 1, "finished_at" in run) == ("running", True, False)


async def test_a_queued_run_shows_its_place(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    await hanging(server)
    queued = [await server.prompt("hello", detach=True) for _ in range(2)]
    shown = [(await server.fetch(f"/api/v1/runs/{run.json['id']}")).json for run in queued]
    assert [(run["state"], run["queue_position"]) for run in shown] == [("queued", 0), ("queued", 1)]


async def test_a_run_is_stopped_and_waited_for(server):
    run_id = await hanging(server)
    reply = await server.fetch(f"/api/v1/runs/{run_id}/cancel?wait=20", method="POST", data=b"")
    assert (reply.status, reply.json["state"], reply.json["stop_cause"]) == (200, "cancelled", "client")
    assert reply.json["error"]["message"] == "The run was cancelled on request"


@pytest.mark.parametrize(("by", "cause"), [("console", "console"), ("client", "client")])
async def test_who_stops_a_run_may_say_that_it_is_the_console(server, by, cause):
    run_id = await hanging(server)
    reply = await server.fetch(f"/api/v1/runs/{run_id}/cancel?wait=20&by={by}", method="POST", data=b"")
    assert (reply.json["state"], reply.json["stop_cause"]) == ("cancelled", cause)


@pytest.mark.parametrize("by", ["timeout", "memory", "", "x"])
async def test_nobody_stops_a_run_by_a_cause_that_is_not_his(server, by):
    run_id = await hanging(server)
    reply = await server.fetch(f"/api/v1/runs/{run_id}/cancel?by={by}", method="POST", data=b"")
    assert (reply.status, reply.json["errors"][0]["path"]) == (400, "?by")
    assert server.supervisor.handle(run_id).run.state is RunState.RUNNING


async def test_live_runs_are_those_that_have_not_ended(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    await run_of(server, "/big 5")
    running = await hanging(server)
    queued = (await server.prompt("hello", detach=True)).json["id"]
    page = (await server.fetch("/api/v1/runs?live=true")).json
    assert ([run["id"] for run in page["runs"]], page["total"]) == ([queued, running], 2)
    assert (await server.fetch("/api/v1/runs?live=true&limit=1")).json["runs"][0]["id"] == queued
    assert (await server.fetch("/api/v1/runs?live=true&state=queued")).json["total"] == 1
    assert (await server.fetch("/api/v1/runs?live=true&state=completed")).json["total"] == 0
    assert (await server.fetch("/api/v1/runs?live=true&backend=claude")).json["total"] == 0


async def test_characters_of_text_and_reasoning_are_counted(server):
    run_id = await run_of(server, "/think it")
    events = (await server.fetch(f"/api/v1/runs/{run_id}/events")).sse
    said = [each.data["text"] for each in events if each.event in ("text.delta", "reasoning.delta")]
    assert {"text.delta", "reasoning.delta"} <= {each.event for each in events}
    assert (await server.fetch(f"/api/v1/runs/{run_id}")).json["output_chars"] == sum(map(len, said))


async def test_a_wait_that_is_over_before_the_run_is_answers_202(unwilling):
    server, run_id = unwilling
    reply = await server.fetch(f"/api/v1/runs/{run_id}?wait=0.01", method="DELETE")
    assert (reply.status, reply.json["state"]) == (202, "stopping")
    await killed(server, run_id)


async def test_who_leaves_while_waiting_for_a_run_to_stop_changes_nothing(unwilling):
    server, run_id = unwilling
    connection = await server.raw("POST", f"/api/v1/runs/{run_id}/cancel?wait=20")
    async with asyncio.timeout(20):
        while server.supervisor.handle(run_id).run.stop is None:
            await server.supervisor.journal.changed()
    await connection.leave()
    view = await killed(server, run_id)
    assert (view.state, view.stop_cause) == (RunState.CANCELLED, StopCause.CLIENT)


@pytest.mark.parametrize("query", ["", "?wait=0"])
async def test_a_run_that_is_still_stopping_is_202_however_often_it_is_asked(unwilling, query):
    server, run_id = unwilling
    for _ in range(2):
        reply = await server.fetch(f"/api/v1/runs/{run_id}/cancel{query}", method="POST", data=b"")
        assert (reply.status, reply.json["state"]) == (202, "stopping")
    assert (await killed(server, run_id)).state is RunState.CANCELLED


@pytest.mark.parametrize("prompt", ["/big 5", "/fail"])
async def test_stopping_a_run_that_has_ended_changes_nothing(server, prompt):
    run_id = await run_of(server, prompt)
    before = (await server.fetch(f"/api/v1/runs/{run_id}")).json
    for method, path in (("POST", f"/api/v1/runs/{run_id}/cancel?wait=9"), ("DELETE", f"/api/v1/runs/{run_id}")):
        reply = await server.fetch(path, method=method, data=b"" if method == "POST" else None)
        assert (reply.status, reply.json["state"]) == (200, before["state"])
        assert "stop_cause" not in reply.json


async def test_a_run_is_stopped_by_delete_too(server):
    run_id = await hanging(server)
    reply = await server.fetch(f"/api/v1/runs/{run_id}?wait=20", method="DELETE")
    assert (reply.status, reply.json["stop_cause"]) == (200, "client")


async def test_a_queued_run_is_stopped_without_ever_having_started(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    await hanging(server)
    run_id = (await server.prompt("hello", detach=True)).json["id"]
    reply = await server.fetch(f"/api/v1/runs/{run_id}?wait=20", method="DELETE")
    assert (reply.json["state"], "started_at" in reply.json) == ("cancelled", False)


async def test_a_stop_needs_no_media_type_without_a_body_and_takes_json(server):
    run_id = await run_of(server, "/big 5")
    connection = await server.raw("POST", f"/api/v1/runs/{run_id}/cancel")
    assert (await connection.reply()).status == 200
    assert (await server.fetch(f"/api/v1/runs/{run_id}/cancel", {})).status == 200
    text = {"Content-Type": "text/plain"}
    assert (await server.fetch(f"/api/v1/runs/{run_id}/cancel", {}, headers=text)).status == 415


@pytest.mark.parametrize("wait", ["-1", "61", "x", "nan", "inf", "1e999", ""])
async def test_a_wait_that_makes_no_sense_stops_nothing(server, wait):
    run_id = await hanging(server)
    reply = await server.fetch(f"/api/v1/runs/{run_id}?wait={wait}", method="DELETE")
    assert (reply.status, reply.json["errors"][0]["path"]) == (400, "?wait")
    assert server.supervisor.handle(run_id).run.state is RunState.RUNNING


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/runs/run_x"),
        ("DELETE", "/api/v1/runs/run_x"),
        ("POST", "/api/v1/runs/run_x/cancel"),
        ("GET", "/api/v1/runs/run_x/events"),
    ],
)
async def test_a_run_that_is_not_there_is_404(server, method, path):
    reply = await server.fetch(path, method=method, data=b"" if method == "POST" else None)
    assert (reply.status, reply.json["detail"]) == (404, "There is no run 'run_x', or it is past its retention")


@pytest.mark.parametrize(
    ("path", "run_id"),
    [("a%20b", "a b"), ("a%2Fb", "a/b"), ("a%252Fb", "a%2Fb"), ("%E2%82%AC", "€"), ("a+b", "a+b")],
)
async def test_an_id_in_a_path_is_decoded_once(server, path, run_id):
    reply = await server.fetch(f"/api/v1/runs/{path}")
    assert reply.json["detail"].startswith(f"There is no run '{run_id}',")
