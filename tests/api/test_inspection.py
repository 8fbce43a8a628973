"""GET /api/v1/runs/{id}/processes: what only a look at a live run tells."""

import asyncio
import os
import threading

import pytest

from clinvk import processes
from clinvk.supervisor import descendants
from clinvk.supervisor.limits import Limits
from tests.api.client import DEADLINE, hanging, run_of


@pytest.fixture
async def unseen(new_server, monkeypatch):
    """A server that looks at no process unless it is asked to."""
    monkeypatch.setattr(descendants, "LOOK_SECS", 1000.0)
    return await new_server()


async def inspected(server, run_id):
    reply = await server.fetch(f"/api/v1/runs/{run_id}/processes")
    assert reply.status == 200
    return reply.json


def all_have_begun(rows):
    return sum(row["command"] == "sleep 86400" for row in rows) == len(rows) - 1


async def test_a_live_run_shows_its_processes_parents_first(server):
    stream = await server.stream("/children")
    pids = [int((await stream.until("text.delta"))["text"].split()[1]) for _ in range(4)]
    run = server.newest().run
    async with asyncio.timeout(DEADLINE):
        while not all_have_begun(found := (await inspected(server, run.id))["processes"]):
            pass  # each is told of before it is what it is to be
    child, *others = sorted(found, key=lambda row: row["pid"] != run.pid)
    assert found.index(child) < min(found.index(row) for row in others if row["ppid"] == run.pid)
    assert {row["pid"] for row in others} == set(pids)
    assert (child["ppid"], child["command"].split()[-1][-7:]) == (os.getpid(), "democli")
    assert {row["command"] for row in others} == {"sleep 86400"}
    assert all(row["memory_bytes"] > 0 and 0 <= row["age_secs"] < 60 for row in found)
    await stream.leave()


async def test_two_runs_do_not_show_each_others_processes(server):
    one, other = await hanging(server), await hanging(server)
    found = [{row["pid"] for row in (await inspected(server, each))["processes"]} for each in (one, other)]
    assert found == [{server.supervisor.handle(each).run.pid} for each in (one, other)]


async def test_a_run_that_has_ended_shows_what_its_exit_has_of_stderr(new_server, tmp_path):
    server = await new_server(home=tmp_path / "home")
    run_id = await run_of(server, "/crash")
    told = (await server.fetch(f"/api/v1/runs/{run_id}")).json["exit"]["stderr_tail"]
    assert told
    assert await inspected(server, run_id) == {"processes": [], "stderr_tail": told}
    await server.close()
    later = await new_server(home=tmp_path / "home")
    assert await inspected(later, run_id) == {"processes": [], "stderr_tail": told}


async def test_a_run_without_a_process_shows_nothing(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    await hanging(server)
    queued = (await server.prompt("hello", detach=True)).json["id"]
    nothing = {"processes": [], "stderr_tail": ""}
    assert await inspected(server, queued) == nothing
    await server.fetch(f"/api/v1/runs/{queued}?wait=20", method="DELETE")
    assert await inspected(server, queued) == nothing


async def test_a_run_that_is_not_there_is_not_inspected(server):
    assert (await server.fetch("/api/v1/runs/run_x/processes")).status == 404


async def test_a_look_reads_the_table_beside_the_loop(server, monkeypatch):
    run_id = await hanging(server)
    table, threads = processes.table, []

    def noted():
        threads.append(threading.current_thread())
        return table()

    monkeypatch.setattr(processes, "table", noted)
    await inspected(server, run_id)
    assert threads
    assert threading.main_thread() not in threads[:1]


@pytest.mark.parametrize("ended", [False, True])
async def test_what_its_processes_take_is_told_of_a_live_run_only(unseen, ended):
    server = unseen
    run_id = await hanging(server)
    supervisor = server.supervisor
    assert "resources" not in (await server.fetch(f"/api/v1/runs/{run_id}")).json  # nobody has looked yet
    supervisor._descendants._measure(supervisor._descendants.look())
    if ended:
        await server.fetch(f"/api/v1/runs/{run_id}?wait=20", method="DELETE")
    (listed,) = (await server.fetch("/api/v1/runs")).json["runs"]
    shown = (await server.fetch(f"/api/v1/runs/{run_id}")).json
    assert ("resources" in listed, "resources" in shown) == (not ended, not ended)
    if not ended:
        assert shown["resources"]["processes"] == 1
        assert shown["resources"]["memory_bytes"] > 1 << 20
