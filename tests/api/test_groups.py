"""POST /api/v1/groups/{id}/cancel: all the runs of one request."""

from clinvk import processes
from clinvk.domain.run import Stop, StopCause
from tests.api.conftest import BRIEF
from tests.api.groups import demo, parallel, runs_of
from tests.api.keyed import until


async def cancel(server, group_id, query=""):
    return await server.fetch(f"/api/v1/groups/{group_id}/cancel{query}", method="POST", data=b"")


async def hanging(server, amount, **fields):
    """A group whose runs are under way and stay so, and its starter."""
    body = {"tasks": [demo("/children")] * amount, **fields}
    connection = await server.post(body, path="/api/v1/parallel")
    handle = await server.started(min(amount, fields.get("max_parallel", amount)))
    return handle.run.spec.origin.group_id, connection


async def test_to_cancel_a_group_ends_all_its_runs_and_begins_none_any_more(server):
    group_id, connection = await hanging(server, 5, max_parallel=2)
    pids = [handle.run.pid for handle in server.supervisor.history.live()]
    told = await cancel(server, group_id, "?wait=20")
    assert (told.status, told.json) == (200, {"group_id": group_id, "ended": True, "live": 0, "total": 2})
    assert [processes.read(pid) for pid in pids] == [None, None]
    answer = (await connection.reply()).json
    assert [result["exit_code"] for result in answer["results"]] == [-1] * 5
    assert [result["error"] for result in answer["results"]][2:] == ["cancelled"] * 3
    runs = await runs_of(server, group_id)
    assert {(run["state"], run["stop_cause"]) for run in runs} == {("cancelled", "client")}
    assert len(runs) == 2


async def test_one_that_is_still_stopping_is_202_and_a_second_time_does_no_harm(server):
    group_id, connection = await hanging(server, 2, max_parallel=2)
    told = await cancel(server, group_id)
    assert told.status == 202
    assert (told.json["ended"], told.json["live"]) == (False, 2)
    assert (await cancel(server, group_id, "?wait=20")).status == 200
    assert (await cancel(server, group_id)).json == {"group_id": group_id, "ended": True, "live": 0, "total": 2}
    await connection.reply()


async def test_a_group_that_has_ended_is_told_so_also_by_a_server_that_never_saw_it(new_server, tmp_path):
    home = tmp_path / "home"
    first = await new_server(home=home)
    group_id = (await parallel(first, demo(), demo())).json["group_id"]
    told = {"group_id": group_id, "ended": True, "live": 0, "total": 2}
    assert (await cancel(first, group_id)).json == told
    await first.close()
    second = await new_server(home=home)
    assert (await cancel(second, group_id)).json == told


async def test_a_group_that_nobody_knows_is_not_found(server):
    assert (await cancel(server, "grp_none")).status == 404
    run_id = (await server.prompt("/big 5")).json["run_id"]
    assert (await cancel(server, run_id)).status == 404


async def test_one_run_of_a_group_can_be_cancelled_alone(server):
    connection = await server.post({"tasks": [demo("/hang"), demo(BRIEF)]}, path="/api/v1/parallel")
    await server.started(2)
    hanging_run = server.supervisor.history.live()[0]
    hanging_run.stop(Stop(StopCause.CLIENT))
    answer = (await connection.reply()).json
    assert [result["exit_code"] for result in answer["results"]] == [-1, 0]
    assert "on request" in answer["results"][0]["error"]


async def test_a_stop_that_comes_while_a_run_is_being_taken_ends_that_run_too(server):
    groups = server.services.groups
    for _ in range(3):
        connection = await server.post({"tasks": [demo("/hang")] * 3}, path="/api/v1/parallel")
        await until(lambda: groups._live)
        await connection.leave()
        await until(lambda: not groups._live)
        assert server.supervisor.history.live() == []
