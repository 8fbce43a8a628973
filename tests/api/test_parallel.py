"""POST /api/v1/parallel: many prompts, side by side."""

import asyncio
import gc
import weakref
from dataclasses import replace

import pytest

from clinvk import processes
from clinvk.api import answering
from clinvk.api.services import Bounds, GroupHabits
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.registry import Registry
from clinvk.clock import SystemClock
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor.limits import BackendOptions, Limits, PoolLimits
from tests.api.client import DEADLINE
from tests.api.conftest import BRIEF
from tests.api.groups import demo, most_at_once, parallel, stopped_one_by_one, streamed
from tests.api.keyed import held_clocks

PATH = "/api/v1/parallel"


async def test_results_come_in_the_order_asked_each_with_its_own_answer(server, monkeypatch):
    ahead = SystemClock().wall() - SystemClock().monotonic()
    monkeypatch.setattr(SystemClock, "wall", lambda self: ahead + self.monotonic())  # nobody sets it meanwhile
    reply = await parallel(server, demo("one"), demo(), demo("/big 7"), max_parallel=3)
    answer = reply.json
    assert (answer["total_tasks"], answer["completed"], answer["failed"]) == (3, 3, 0)
    assert [result["task"] for result in answer["results"]] == [0, 1, 2]
    outputs = [result["output"] for result in answer["results"]]
    assert "one" in outputs[0]
    assert outputs[1:] == ["the d", "the dem"]
    assert all("session_id" not in result for result in answer["results"])
    assert answer["total_duration_ms"] >= max(result["duration_ms"] for result in answer["results"])
    assert reply.headers["X-Group-Id"] == answer["group_id"]


async def test_its_runs_are_found_by_their_group(server):
    other = (await parallel(server, demo())).json["group_id"]
    answer = (await parallel(server, demo(), demo(metadata={"ticket": "42"}))).json
    page = (await server.fetch(f"/api/v1/runs?group_id={answer['group_id']}")).json
    assert page["total"] == 2
    by_task = sorted(page["runs"], key=lambda run: run["task"])
    assert [run["id"] for run in by_task] == [result["run_id"] for result in answer["results"]]
    assert [run["metadata"] for run in by_task] == [{}, {"ticket": "42"}]
    assert (await server.fetch(f"/api/v1/runs?group_id={other}&state=completed&backend=demo")).json["total"] == 1
    assert (await server.fetch(f"/api/v1/runs?group_id={other}&state=failed")).json["total"] == 0
    assert (await server.fetch("/api/v1/runs?group_id=grp_none")).json == {
        "runs": [], "total": 0, "limit": 50, "offset": 0
    }  # fmt: skip


async def test_a_task_that_fails_leaves_the_others_alone(server):
    answer = (await parallel(server, demo("/fail"), demo())).json
    assert (answer["completed"], answer["failed"]) == (1, 1)
    assert [result["exit_code"] for result in answer["results"]] == [1, 0]
    assert answer["results"][0]["error"]


async def test_fail_fast_stops_the_others_and_begins_none_of_the_rest(server):
    answer = (
        await parallel(server, demo("/children"), demo("/fail"), demo(), max_parallel=2, fail_fast=True)
    ).json
    stopped, failed, never = answer["results"]
    assert (stopped["exit_code"], stopped["error"]) == (-1, "cancelled")
    assert failed["exit_code"] == 1
    assert (never["exit_code"], never["error"], never["output"]) == (-1, "cancelled", "")
    assert "run_id" not in never
    assert (answer["completed"], answer["failed"]) == (0, 3)
    run = (await server.fetch(f"/api/v1/runs/{stopped['run_id']}")).json
    assert (run["state"], run["stop_cause"]) == ("cancelled", "group")
    assert (await server.fetch(f"/api/v1/runs?group_id={answer['group_id']}")).json["total"] == 2


@pytest.mark.parametrize(("asked", "set_to", "most"), [(2, 5, 2), (None, 2, 2), (None, 1, 1), (100, 1, 4)])
async def test_no_more_run_at_once_than_the_request_or_else_the_settings_say(server, asked, set_to, most):
    server.services.group_habits = GroupHabits(at_once=set_to)
    fields = {"max_parallel": asked} if asked else {}
    events = await stopped_one_by_one(server, PATH, 4, most, tasks=[demo("/hang")] * 4, **fields)
    assert most_at_once(events) == most


async def test_the_settings_say_whether_the_first_failure_stops_the_rest(server):
    server.services.group_habits = GroupHabits(fail_fast=True, at_once=1)
    answer = (await parallel(server, demo("/fail"), demo())).json
    assert [result.get("error") for result in answer["results"]][1] == "cancelled"
    answer = (await parallel(server, demo("/fail"), demo(), fail_fast=False)).json
    assert answer["completed"] == 1


async def test_the_limits_of_the_server_hold_and_a_group_waits_instead_of_being_refused(new_server):
    server = await new_server(
        limits=Limits(max_concurrent_runs=2, max_queued_runs=1, backends={"demo": BackendOptions(1)})
    )
    events = await streamed(server, PATH, tasks=[demo()] * 20, max_parallel=20)
    assert most_at_once(events) == 1
    assert (events[-1]["type"], events[-1]["completed"]) == ("group.finished", 20)


async def test_a_group_takes_no_more_places_in_the_queue_than_there_are_slots(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=2))
    events = await streamed(server, PATH, tasks=[demo()] * 20, max_parallel=20)
    assert max(event["position"] for event in events if event["type"] == "run.queued") < 2


async def test_two_groups_share_few_slots_and_both_end(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    replies = await asyncio.gather(*(parallel(server, *[demo()] * 5, max_parallel=5) for _ in range(2)))
    assert [reply.json["completed"] for reply in replies] == [5, 5]


async def test_a_group_is_refused_where_the_queue_is_full(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1, max_queued_runs=1))
    await server.prompt("/hang", detach=True)
    await server.prompt("/hang", detach=True)
    reply = await parallel(server, demo(), demo())
    assert (reply.status, reply.json["title"]) == (429, "Overloaded")
    assert "Retry-After" in reply.headers
    assert "X-Group-Id" not in reply.headers


async def test_a_group_is_refused_where_its_backends_are_full_and_nothing_may_wait(new_server):
    limits = Limits(max_concurrent_runs=8, max_queued_runs=0, backends={"demo": BackendOptions(1)})
    server = await new_server(limits=limits)
    await server.prompt("/hang", detach=True)
    assert (await parallel(server, demo(), demo())).status == 429
    assert (await parallel(server, demo(), dry_run=True)).status == 200


async def test_runs_that_may_write_in_one_folder_are_one_notice_of_the_answer(new_server, tmp_path):
    class Writing(DemoBackend):
        traits = replace(DemoBackend.traits, writes=True)

    server = await new_server(registry=Registry((Writing(),)))
    connection = await server.post({"tasks": [demo("/hang")] * 4, "max_parallel": 4}, path=PATH)
    await server.started(4)
    for handle in server.supervisor.history.live():
        handle.stop(Stop(StopCause.CLIENT))
    answer = (await connection.reply()).json
    (notice,) = answer["notices"]
    assert server.services.default_workdir in notice
    assert [result.get("notices") for result in answer["results"]] == [None, *[[notice]] * 3]
    apart = [
        demo(BRIEF, sandbox_mode="read-only"),
        demo(BRIEF),
        demo(BRIEF, workdir=str(tmp_path / "home-0")),
    ]
    assert "notices" not in (await parallel(server, *apart)).json


async def test_nothing_of_a_group_is_held_once_it_has_been_answered(server):
    connection = await server.post({"tasks": [demo("/hang"), demo()]}, path=PATH)
    await server.started(2)
    (group,) = map(weakref.ref, server.services.groups._live.values())
    server.supervisor.stop(server.supervisor.history.live()[0].id, StopCause.CLIENT)
    await connection.reply()
    async with asyncio.timeout(DEADLINE):
        while group():
            gc.collect()
            await asyncio.sleep(0)


async def test_two_hundred_tasks_in_one_call_are_answered(new_server):
    server = await new_server(limits=Limits(pool=PoolLimits(children=8)))
    answer = (await parallel(server, *[demo()] * 200, max_parallel=8)).json
    assert (answer["total_tasks"], answer["completed"]) == (200, 200)
    assert [result["task"] for result in answer["results"]] == list(range(200))
    page = (await server.fetch(f"/api/v1/runs?group_id={answer['group_id']}&limit=200")).json
    assert page["total"] == 200
    assert len(page["runs"]) == 200


async def test_more_tasks_than_the_settings_allow_are_refused_and_none_is_run(server):
    server.services.group_habits = GroupHabits(max_tasks=3)
    reply = await parallel(server, *[demo()] * 4)
    assert reply.status == 400
    assert reply.json["errors"] == [
        {"path": "/tasks", "message": "has 4 items", "expected": "at most 3 (parallel.max_tasks)"}
    ]
    assert server.supervisor.journal.length == 0
    assert (await parallel(server, *[demo()] * 3)).status == 200


async def test_every_fault_of_every_task_is_told_by_its_path_and_none_is_run(server):
    reply = await parallel(
        server, demo(), demo(workdir="/no/such/folder"), demo(extra=["--no-such"]), demo("", model=1)
    )
    assert {fault["path"] for fault in reply.json["errors"]} == {"/tasks/3/prompt", "/tasks/3/model"}
    reply = await parallel(server, demo(), demo(workdir="/no/such/folder"), demo(extra=["--no-such"]))
    assert {fault["path"] for fault in reply.json["errors"]} == {"/tasks/1/workdir", "/tasks/2/extra/0"}
    reply = await parallel(server, demo(), demo() | {"backend": "nobody"})
    assert (reply.status, reply.json["title"]) == (400, "Backend Not Found")
    assert "'nobody'" in reply.json["detail"]
    assert server.supervisor.journal.length == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("session_id", "ses_1"), ("detach", True), ("dry_run", True), ("ephemeral", False)],
)
async def test_a_task_stands_alone_and_what_says_otherwise_is_refused_by_name(server, field, value):
    reply = await parallel(server, demo(**{field: value}))
    assert [fault["path"] for fault in reply.json["errors"]] == [f"/tasks/0/{field}"]
    assert (await parallel(server, demo(ephemeral=True, output_format="json", verbose=True))).status == 200


async def test_a_dry_run_shows_every_command_and_runs_none(server):
    reply = await parallel(server, demo(), demo(workdir="/"), dry_run=True)
    assert reply.json["dry_run"] is True
    assert [result["command"]["cwd"] for result in reply.json["results"]] == [
        server.services.default_workdir, "/"
    ]  # fmt: skip
    assert (await parallel(server, demo(workdir="/no/such/folder"), dry_run=True)).status == 400
    assert server.supervisor.journal.length == 0


async def test_a_stream_has_every_event_of_every_task_and_the_end_of_the_group_last(server):
    events = await streamed(server, PATH, tasks=[demo(BRIEF), demo("/big 500")], max_parallel=2)
    *told, last = events
    for number in range(2):
        own = [event for event in told if event["task"] == number]
        assert [event["seq"] for event in own] == list(range(len(own)))
        assert own[-1]["type"] == "run.finished"
        replayed = (await server.fetch(f"/api/v1/runs/{own[0]['run_id']}/events")).sse
        assert [event.data for event in replayed] == own
    assert {event["group_id"] for event in events} == {last["group_id"]}
    assert (last["type"], last["kind"], last["total"], last["completed"]) == ("group.finished", "parallel", 2, 2)
    assert last["seq"] == len(told)


async def test_server_sent_events_are_numbered_by_the_group(server):
    body = {"tasks": [demo(), demo()], "output_format": "stream-json"}
    reply = await server.fetch(PATH, body, headers={"Accept": "text/event-stream"})
    assert [event.id for event in reply.sse] == list(range(len(reply.sse)))
    assert [event.event for event in reply.sse] == [event.data["type"] for event in reply.sse]
    assert reply.sse[-1].event == "group.finished"


@pytest.mark.parametrize("form", ["json", "stream-json"])
async def test_a_client_that_leaves_stops_all_of_it_and_nothing_is_begun_after(server, form):
    tasks = [demo("/children")] * 3 + [demo()] * 20
    connection = await server.post({"tasks": tasks, "max_parallel": 3, "output_format": form}, path=PATH)
    await server.started(3)
    live = server.supervisor.history.live()
    await connection.leave()
    for handle in live:
        view = await server.end(handle.id)
        assert (view.state, view.stop_cause) == (RunState.CANCELLED, StopCause.DISCONNECT)
        assert processes.read(handle.run.pid or 0) is None
    assert (await server.log.first("clinvk.access")).status == 499
    page = (await server.fetch(f"/api/v1/runs?group_id={live[0].run.spec.origin.group_id}")).json
    assert page["total"] == 3


async def test_an_answer_that_takes_too_long_stops_all_of_it(new_server, monkeypatch):
    server = await new_server(bounds=Bounds(request_secs=0.5))
    clock = held_clocks(monkeypatch, answering)
    asking = asyncio.ensure_future(parallel(server, *[demo("/hang")] * 3, max_parallel=2))
    await server.started(2)
    clock.set_result(None)
    reply = await asking
    assert (reply.status, reply.headers["x-should-retry"]) == (504, "false")
    page = (await server.fetch(f"/api/v1/runs?group_id={reply.headers['X-Group-Id']}")).json
    assert page["total"] == 2
    for run in page["runs"]:
        assert (await server.end(run["id"])).stop_cause is StopCause.TIMEOUT


async def test_a_server_that_ends_stops_a_group_and_begins_no_more_of_it(server):
    connection = await server.post({"tasks": [demo("/hang")] * 5, "max_parallel": 2}, path=PATH)
    await server.started(2)
    async with asyncio.timeout(20):
        await server.supervisor.drain(0)
        answer = (await connection.reply()).json
    assert [result["exit_code"] for result in answer["results"]] == [-1] * 5
    assert [result["error"] for result in answer["results"]][2:] == ["cancelled"] * 3
