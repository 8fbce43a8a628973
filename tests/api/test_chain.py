"""POST /api/v1/chain: prompts one after the other, each with the answer of the one before it."""

import pytest

from clinvk import processes
from clinvk.api.services import GroupHabits
from clinvk.domain.run import RunState, StopCause
from tests.api.conftest import BRIEF
from tests.api.groups import chain, demo, most_at_once, runs_of, streamed

PATH = "/api/v1/chain"


def prompts(server):
    """What each run was asked, the first first."""
    return [handle.run.spec.prompt for handle in server.supervisor.history._handles.values()]


async def test_each_step_is_told_what_the_one_before_it_answered(server):
    reply = await chain(
        server, demo("/big 5", name="draft"), demo("/big 7 {{previous}}", name="review"), demo("say {{previous}}")
    )
    answer = reply.json
    assert (answer["total_steps"], answer["completed_steps"], answer["failed_step"]) == (3, 3, 0)
    assert [(result["step"], result.get("name")) for result in answer["results"]] == [
        (1, "draft"), (2, "review"), (3, None)
    ]  # fmt: skip
    assert prompts(server) == ["/big 5", "/big 7 the d", "say the dem"]
    assert reply.headers["X-Group-Id"] == answer["group_id"]
    runs = await runs_of(server, answer["group_id"])
    assert [(run["step"], run["id"]) for run in runs] == [
        (result["step"], result["run_id"]) for result in answer["results"]
    ]


async def test_what_was_answered_is_text_and_nothing_in_it_is_replaced_again(server):
    await chain(
        server, demo("one {{ previous }}"), demo("two {{previous}}"), demo("three {{previous}} {{previous}}")
    )
    first, second, third = prompts(server)
    assert first == "one {{ previous }}"
    assert "one {{ previous }}" in second
    said = third.removeprefix("three ")
    assert said[: len(said) // 2] == said[len(said) // 2 + 1 :]


async def test_steps_run_one_after_the_other(server):
    events = await streamed(server, PATH, steps=[demo(BRIEF)] * 3)
    assert most_at_once(events) == 1
    assert [event["step"] for event in events if event["type"] == "run.started"] == [1, 2, 3]
    assert (events[-1]["type"], events[-1]["kind"], events[-1]["completed"]) == ("group.finished", "chain", 3)


async def test_a_step_that_fails_is_told_and_the_next_one_goes_on(server):
    answer = (await chain(server, demo(), demo("/fail"), demo("after {{previous}}."))).json
    assert (answer["completed_steps"], answer["failed_step"]) == (2, 2)
    assert prompts(server)[2] == "after ."


async def test_a_chain_may_end_with_the_first_step_that_fails(server):
    answer = (await chain(server, demo(), demo("/fail"), demo(name="last"), stop_on_failure=True)).json
    assert (answer["completed_steps"], answer["failed_step"]) == (1, 2)
    last = answer["results"][2]
    assert (last["exit_code"], last["error"], last["name"]) == (-1, "cancelled", "last")
    assert "run_id" not in last
    assert len(await runs_of(server, answer["group_id"])) == 2


async def test_a_folder_is_passed_on_only_if_that_is_asked_for(server, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    steps = [demo(), demo(workdir=str(elsewhere)), demo(), demo()]

    async def folders(**fields):
        answer = (await chain(server, *steps, dry_run=True, **fields)).json
        return [result["command"]["cwd"] for result in answer["results"]]

    usual = server.services.default_workdir
    assert await folders() == [usual, str(elsewhere), usual, usual]
    assert await folders(pass_working_dir=True) == [usual, *[str(elsewhere)] * 3]


@pytest.mark.parametrize("field", ["pass_session_id", "persist_sessions"])
@pytest.mark.parametrize("value", [True, False])
async def test_steps_stand_alone_and_what_says_otherwise_is_refused_by_name(server, field, value):
    reply = await chain(server, demo(), **{field: value})
    (fault,) = reply.json["errors"]
    assert fault["path"] == f"/{field}"
    assert "stand alone" in fault["expected"]


async def test_the_first_step_has_none_before_it(server):
    reply = await chain(server, demo("after {{previous}}"), demo())
    assert [fault["path"] for fault in reply.json["errors"]] == ["/steps/0/prompt"]
    assert server.supervisor.journal.length == 0


async def test_every_fault_of_every_step_is_told_and_none_is_run(server):
    reply = await chain(server, demo(), demo(workdir="/no/such/folder"), demo(extra=["--no"]))
    assert {fault["path"] for fault in reply.json["errors"]} == {"/steps/1/workdir", "/steps/2/extra/0"}
    server.services.group_habits = GroupHabits(max_tasks=2)
    reply = await chain(server, *[demo()] * 3)
    assert [fault["path"] for fault in reply.json["errors"]] == ["/steps"]
    assert server.supervisor.journal.length == 0


async def test_a_step_that_only_now_cannot_be_asked_fails_alone(server, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    connection = await server.post({"steps": [demo(BRIEF), demo(workdir=str(folder)), demo()]}, path=PATH)
    await server.started()
    folder.rmdir()
    answer = (await connection.reply()).json
    assert [result["exit_code"] for result in answer["results"]] == [0, 1, 0]
    assert "workdir" in answer["results"][1]["error"]


async def test_what_cannot_be_begun_is_a_failure_that_may_end_the_chain_and_is_told_in_the_stream(server):
    steps = [demo("/fail"), demo("{{previous}}", name="empty"), demo()]
    *_, told, last = await streamed(server, PATH, steps=steps[:2])
    assert (told["type"], told["step"], told["backend"], "run_id" in told) == ("notice", 2, "demo", False)
    assert "answered nothing" in told["message"]
    assert (last["type"], last["failed"]) == ("group.finished", 2)
    answer = (await chain(server, demo("/burst 0"), *steps[1:], stop_on_failure=True)).json
    assert [result["exit_code"] for result in answer["results"]] == [0, 1, -1]
    assert "run_id" not in answer["results"][2]


async def test_answers_that_would_make_a_prompt_endless_are_refused_there(server):
    answer = (await chain(server, demo("/big 2m"), demo("{{previous}}" * 100), demo("{{previous}}!"))).json
    assert [result["exit_code"] for result in answer["results"]] == [0, 1, 0]
    assert f"would have {100 * (2 << 20)} characters" in answer["results"][1]["error"]
    assert prompts(server)[-1] == "!"


async def test_a_client_that_leaves_stops_the_chain(server):
    connection = await server.post({"steps": [demo("/children"), demo()]}, path=PATH)
    run = await server.started()
    pid = run.run.pid
    await connection.leave()
    view = await server.end(run.id)
    assert (view.state, view.stop_cause) == (RunState.CANCELLED, StopCause.DISCONNECT)
    assert processes.read(pid) is None
    assert (await server.log.first("clinvk.access")).status == 499
    assert len(await runs_of(server, view.group_id)) == 1
