"""How one run goes, and how it can go wrong. Always a real child."""

import json
from pathlib import Path

import pytest

from clinvk import processes
from clinvk.backends.demo.dialogue import DemoDialogue
from clinvk.domain import events
from clinvk.domain.errors import BackendNotFound, ErrorCode, InvalidInput
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.domain.spec import ApprovalMode
from clinvk.supervisor.limits import Limits


async def test_a_prompt_is_answered(stage):
    run = await stage.start()
    judgement = await run.end()
    assert (judgement.state, judgement.error, judgement.code) == (RunState.COMPLETED, None, 0)
    assert run.text == "fine"
    assert [type(event) for event in run.events] == [
        events.RunQueued,
        events.RunStarted,
        events.TextDelta,
        events.TextDone,
        events.TurnDone,
        events.RunFinished,
    ]


async def test_a_child_that_exits_before_reading_is_judged_by_its_code_and_stderr(stage):
    run = await stage.start("exit 3", prompt="p" * 1_000_000)
    judgement = await run.end()
    assert judgement.error.code is ErrorCode.BACKEND_EXITED
    assert judgement.error.message == "The CLI exited with code 3 before giving a result: the last line says it"
    assert run.handle.run.exit.code == 3


async def test_a_child_that_dies_by_a_signal_is_judged_by_it(stage):
    run = await stage.start("die SIGSEGV")
    judgement = await run.end()
    assert "was ended by SIGSEGV" in judgement.error.message
    assert (run.handle.run.exit.code, run.handle.run.exit.signal) == (None, "SIGSEGV")


async def test_what_a_child_wrote_before_it_died_is_heard(stage):
    run = await stage.start("die SIGKILL")
    await run.end()
    assert run.text == "last words"


async def test_what_waits_in_the_pipe_when_a_child_exits_is_heard(stage):
    def pause(event):
        if isinstance(event, events.RunStarted):
            stage.newest().runner._lease.child.pause()

    run = await stage.start("die SIGKILL", observe=pause)
    await run.end()
    assert run.text == "last words"


async def test_a_good_exit_without_a_result_is_a_failure(stage):
    judgement = await (await stage.start("no-result")).end()
    assert judgement.error.code is ErrorCode.NO_RESULT


async def test_a_program_that_is_not_there_fails_the_run_in_a_sentence(stage):
    judgement = await (await stage.start(backend="missing")).end()
    assert judgement.error.code is ErrorCode.SPAWN_FAILED
    assert "'/nowhere/cli'" in judgement.error.message


async def test_a_workdir_that_is_not_there_is_refused_before_anything_is_kept(stage):
    with pytest.raises(InvalidInput) as refused:
        await stage.start(workdir="/nowhere/at/all")
    assert [fault.path for fault in refused.value.faults] == ["/workdir"]
    assert (stage.supervisor.queued, stage.supervisor.live) == (0, 0)


async def test_a_workdir_that_goes_while_the_run_waits_fails_it_and_frees_the_slot(new_stage, tmp_path):
    stage = new_stage(Limits(max_concurrent_runs=1))
    first = await stage.start("then-silent")
    folder = tmp_path / "folder"
    folder.mkdir()
    second = await stage.start(workdir=str(folder))
    folder.rmdir()
    first.handle.stop(Stop(StopCause.CLIENT))
    judgement = await second.end()
    assert judgement.error.code is ErrorCode.SPAWN_FAILED
    assert str(folder) in judgement.error.message
    assert stage.supervisor.live == 0


async def test_an_unknown_backend_is_refused_before_anything_is_kept(stage):
    with pytest.raises(BackendNotFound):
        await stage.start(backend="unknown")
    assert stage.supervisor.queued == 0


async def test_a_grandchild_that_holds_stdout_does_not_hold_up_the_answer(stage):
    run = await stage.start("grandchild answer")
    assert (await run.end()).state is RunState.COMPLETED
    await stage.all_gone()
    assert processes.read(int(run.text)) is None


async def test_a_grandchild_that_holds_stdout_does_not_hide_a_crash(stage):
    run = await stage.start("grandchild crash")
    assert (await run.end()).error.code is ErrorCode.BACKEND_EXITED
    await stage.all_gone()
    assert processes.read(int(run.text)) is None


async def test_a_child_that_stays_after_its_answer_is_ended(stage):
    run = await stage.start("deaf-after-answer")
    assert (await run.end()).state is RunState.COMPLETED
    await stage.all_gone()
    assert run.handle.run.exit.signal == "SIGKILL"


async def test_a_line_of_ten_megabytes_is_one_delta(stage):
    run = await stage.start(f"one-line {10 << 20}")
    assert (await run.end()).state is RunState.COMPLETED
    assert len(run.text) == 10 << 20
    assert run.said(events.TextDone)[0].text is None


async def test_a_line_over_the_ceiling_fails_the_run_and_says_so(stage):
    judgement = await (await stage.start(f"one-line {17 << 20}")).end()
    assert judgement.error.code is ErrorCode.OUTPUT_LIMIT
    assert "longer than 16777216 bytes" in judgement.error.message


async def test_a_child_that_closes_its_output_and_lives_on_is_not_waited_for(stage):
    run = await stage.start("mute")
    judgement = await run.end()
    assert (judgement.state, judgement.error.code) == (RunState.FAILED, ErrorCode.PROTOCOL)
    assert judgement.error.message == "The CLI closed its output in the middle of the turn, and did not end"
    assert run.text.startswith("pid ")
    await stage.all_gone()


async def test_bytes_that_are_not_utf8_are_replaced(stage):
    run = await stage.start("not-utf8")
    assert (await run.end()).state is RunState.COMPLETED
    assert run.text == "before \ufffd\ufffd after"


async def test_garbage_becomes_notices_and_the_answer_comes_through(stage):
    run = await stage.demo("/garbage please")
    assert (await run.end()).state is RunState.COMPLETED
    assert len(run.said(events.Notice)) >= 4
    assert run.text


async def test_nothing_is_heard_after_the_end_of_the_turn(stage):
    run = await stage.start("two-turn-ends")
    await run.end()
    await stage.all_gone()
    assert len(run.said(events.TurnDone)) == 1
    assert isinstance(run.events[-1], events.RunFinished)
    assert run.text == "fine"


async def test_only_the_end_of_a_long_stderr_is_kept(stage):
    run = await stage.start("stderr 1000000")
    judgement = await run.end()
    assert judgement.error.message.endswith(": the end of it")
    assert len(run.handle.run.exit.stderr_tail) <= 8192


async def test_a_child_sees_the_allow_list_and_none_of_our_secrets(stage, monkeypatch):
    monkeypatch.setenv("CLINVK_API_KEYS", "secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8080")
    monkeypatch.setenv("LC_TIME", "C")
    run = await stage.start("environment")
    await run.end()
    seen = json.loads(run.text)
    assert seen["ADDED"] == "by us"
    assert seen["CLINVK_RUN"] == run.handle.id
    assert seen["LC_TIME"] == "C"
    assert not {"CLINVK_API_KEYS", "OPENAI_BASE_URL"} & seen.keys()


async def test_the_prompt_is_in_no_argument(stage):
    run = await stage.start("then-silent", prompt="a word that nobody else says: xyzzy")
    started = await run.first(events.RunStarted)
    assert b"xyzzy" not in Path(f"/proc/{started.pid}/cmdline").read_bytes()
    assert b"xyzzy" not in Path(f"/proc/{started.pid}/environ").read_bytes()


async def test_a_child_has_a_session_of_its_own(stage):
    run = await stage.start("then-silent")
    started = await run.first(events.RunStarted)
    row = processes.read(started.pid)
    assert (row.pgid, row.sid) == (started.pid, started.pid)


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [
        (ApprovalMode.AUTO, True),
        (ApprovalMode.NONE, True),
        (ApprovalMode.DEFAULT, False),
        (ApprovalMode.ALWAYS, False),
    ],
)
async def test_an_ask_is_answered_at_once_by_the_mode(stage, mode, allowed):
    run = await stage.demo("/ask", approval_mode=mode)
    assert (await run.end()).state is RunState.COMPLETED
    [asked], [answered] = run.said(events.ApprovalAsked), run.said(events.ApprovalAnswered)
    assert (answered.ask_id, answered.allowed, answered.by) == (asked.ask_id, allowed, "mode")


async def test_an_error_of_the_turn_is_the_runs_error(stage):
    judgement = await (await stage.demo("/usage-limit")).end()
    assert judgement.state is RunState.FAILED
    assert (judgement.error.code, judgement.error.retry_after_secs) == (ErrorCode.USAGE_LIMIT, 3600)


async def test_the_exit_is_known_once_the_child_of_a_completed_run_has_ended(stage, patient):
    run = await stage.start()
    await run.end()
    await stage.all_gone()
    assert run.handle.run.exit.code == 0


async def test_a_decoder_that_fails_is_a_failed_run_and_leaves_nothing(stage, monkeypatch):
    def fail(*_):
        raise RuntimeError("a decoder of ours is wrong")

    monkeypatch.setattr(DemoDialogue, "receive", fail)
    monkeypatch.setattr(DemoDialogue, "interrupt", fail)
    monkeypatch.setattr(DemoDialogue, "exited", fail)
    run = await stage.start("deaf")
    judgement = await run.end()
    assert judgement.error.code is ErrorCode.INTERNAL
    assert "wrong" not in judgement.error.message
    assert run.handle.run.exit.signal == "SIGKILL"


async def test_an_ended_run_keeps_the_beginning_of_its_prompt_only(stage):
    run = await stage.start(prompt="p" * 1_000_000)
    await run.end()
    assert len(run.handle.run.spec.prompt) == 400


@pytest.mark.parametrize(
    ("path", "allowed"), [("file", "yes"), ("inner/file", "yes"), ("outer/file", "no"), ("outer", "no")]
)
async def test_an_edit_is_where_its_links_lead(stage, tmp_path_factory, path, allowed):
    (stage.workdir / "inner").symlink_to(stage.workdir)
    (stage.workdir / "outer").symlink_to(tmp_path_factory.mktemp("outside"))
    run = await stage.start(f"edit {path}", approval_mode=ApprovalMode.AUTO)
    await run.end()
    assert run.text == allowed


async def test_a_workdir_may_be_named_by_a_link(stage):
    (stage.workdir / "real").mkdir()
    link = stage.workdir / "link"
    link.symlink_to(stage.workdir / "real")
    for named in (link / "file", stage.workdir / "real" / "file"):
        run = await stage.start(f"edit {named}", approval_mode=ApprovalMode.AUTO, workdir=str(link))
        await run.end()
        assert run.text == "yes", named
