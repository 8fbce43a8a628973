"""What a run left on purpose, as the API lists, shows and ends it."""

import asyncio
import re

import pytest

from clinvk import processes
from clinvk.domain.run import RunState
from clinvk.supervisor.limits import Limits, LingerLimits
from clinvk.telemetry.audit import Audit
from clinvk.telemetry.metrics import Metrics
from tests.api.client import DEADLINE
from tests.api.groups import demo, parallel

SERVER = {"prompt": "/server", "linger_secs": 60}


@pytest.fixture
async def lenient(new_server):
    """A server that lets two runs leave something."""
    return await new_server(limits=Limits(linger=LingerLimits(60.0, 2)))


async def leave(server, **fields):
    """The id of a run that left a server running, and the pid of that."""
    answer = (await server.prompt("/server", linger_secs=60, **fields)).json
    await settled(server)
    return answer["run_id"], int(re.search(r"pid (\d+)", answer["output"])[1])


async def settled(server):
    """Nobody is looked after any more."""
    async with asyncio.timeout(DEADLINE):
        while under_way := list(server.supervisor.pool._tidying.values()):
            await asyncio.wait(under_way)


def is_alive(pid):
    row = processes.read(pid)
    return row is not None and row.alive


async def listed(server):
    return [run["id"] for run in (await server.fetch("/api/v1/runs?lingering=true")).json["runs"]]


async def test_it_is_listed_shown_and_counted_until_the_run_is_cancelled(lenient):
    lenient.services.metrics = Metrics()
    run_id, pid = await leave(lenient)
    other = (await lenient.prompt("hello")).json["run_id"]
    run = (await lenient.fetch(f"/api/v1/runs/{run_id}")).json
    assert run["state"] == RunState.COMPLETED
    assert run["finished_at"] < run["lingers_until"]
    assert '"linger_secs":60' in run["request_as_curl"]
    assert "lingers_until" not in (await lenient.fetch(f"/api/v1/runs/{other}")).json
    assert await listed(lenient) == [run_id]
    shown = (await lenient.fetch(f"/api/v1/runs/{run_id}/processes")).json["processes"]
    assert pid in {each["pid"] for each in shown}
    assert (await lenient.fetch("/api/v1/status")).json["lingering"] == 1
    assert "clinvk_runs_lingering 1.0" in (await lenient.fetch("/metrics")).body.decode()
    reply = await lenient.fetch(f"/api/v1/runs/{run_id}/cancel?wait=20", {})
    assert (reply.status, reply.json["state"]) == (200, RunState.COMPLETED)
    assert "lingers_until" not in reply.json
    assert "stop_cause" not in reply.json
    assert not is_alive(pid)
    assert await listed(lenient) == []
    assert (await lenient.fetch(f"/api/v1/runs/{run_id}/processes")).json["processes"] == []
    assert (await lenient.fetch("/api/v1/status")).json["lingering"] == 0


async def test_who_ended_it_is_written_down_once(lenient, tmp_path):
    lenient.services.audit = Audit(tmp_path / "audit.jsonl", lenient.services.clock)
    run_id, _ = await leave(lenient)
    for _ in range(2):
        await lenient.fetch(f"/api/v1/runs/{run_id}/cancel?wait=20", {})
    await lenient.services.audit.close()
    stops = [line for line in (tmp_path / "audit.jsonl").read_text().splitlines() if "run.stop" in line]
    assert len(stops) == 1
    assert "what it left to linger was stopped" in stops[0]


async def test_a_client_that_leaves_after_the_answer_ends_nothing(lenient):
    stream = await lenient.prompt("/server", linger_secs=60, output_format="stream-json")
    assert stream.events[-1]["state"] == RunState.COMPLETED
    await settled(lenient)
    assert await listed(lenient) == [stream.headers["X-Run-Id"]]


async def test_a_cancelled_group_ends_what_its_runs_left(lenient):
    answer = (await parallel(lenient, demo(**SERVER), demo())).json
    await settled(lenient)
    left = answer["results"][0]["run_id"]
    assert await listed(lenient) == [left]
    assert (await lenient.fetch(f"/api/v1/groups/{answer['group_id']}/cancel", {})).status == 200
    await lenient.fetch(f"/api/v1/runs/{left}/cancel?wait=20", {})
    assert await listed(lenient) == []


async def test_a_rerun_asks_for_it_too(lenient):
    run_id, _ = await leave(lenient)
    again = (await lenient.fetch(f"/api/v1/runs/{run_id}/rerun", {})).json["id"]
    async with asyncio.timeout(DEADLINE):
        await lenient.supervisor.handle(again).finished
    await settled(lenient)
    assert await listed(lenient) == [again, run_id]


async def test_it_is_refused_where_the_server_does_not_allow_it(server):
    reply = await server.prompt("/server", linger_secs=1)
    assert reply.status == 400
    (fault,) = reply.json["errors"]
    assert (fault["path"], fault["message"].split(":")[0]) == ("/linger_secs", "is not allowed here")
    reply = await parallel(server, demo(), demo(**SERVER))
    assert [fault["path"] for fault in reply.json["errors"]] == ["/tasks/1/linger_secs"]


async def test_too_long_is_refused(lenient):
    reply = await lenient.prompt("/server", linger_secs=61, dry_run=True)
    assert reply.json["errors"] == [
        {"path": "/linger_secs", "message": "61 is too large", "expected": "at most 60 (linger.max_secs)"}
    ]
