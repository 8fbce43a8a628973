"""Ending runs before their time: at any moment, for any cause, with nothing left behind."""

import os
import re
import subprocess

import pytest

from clinvk import processes
from clinvk.clock import SystemClock
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode, ShuttingDown
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor.limits import BackendOptions, Limits
from tests import conftest

CLIENT = Stop(StopCause.CLIENT)


async def stopped(run):
    judgement = await run.end()
    assert len(run.said(events.RunFinished)) == 1
    assert isinstance(run.events[-1], events.RunFinished)
    return judgement


async def test_a_deaf_child_is_killed(stage):
    run = await stage.start("deaf")
    await run.first(events.TextDelta)
    run.handle.stop(CLIENT)
    assert (await stopped(run)).state is RunState.CANCELLED
    assert run.handle.run.exit.signal == "SIGKILL"


async def test_a_stopped_run_ends_when_every_process_of_it_is_gone(stage):
    run = await stage.demo("/children")
    pids = await children_of(run)
    assert len(pids) == 4
    run.handle.stop(CLIENT)
    assert (await stopped(run)).state is RunState.CANCELLED
    assert [pid for pid in pids if processes.read(pid)] == []


async def test_one_runs_end_spares_the_processes_of_another(stage):
    one, other = await stage.demo("/children"), await stage.demo("/children")
    pids, others = await children_of(one), await children_of(other)
    one.handle.stop(CLIENT)
    await stopped(one)
    # The last of the four tells nothing of whose it is: it ends with the last run it may belong to.
    assert [pid for pid in pids[:3] if processes.read(pid)] == []
    assert all(processes.read(pid) for pid in others)
    other.handle.stop(CLIENT)
    await stopped(other)
    assert [pid for pid in (*pids, *others) if processes.read(pid)] == []


async def test_an_orphan_that_was_seen_in_time_goes_with_its_own_run(stage):
    """Nothing but the ancestry seen tells whose it is: it has no marker, and a session of its own."""
    bystander = await stage.start("then-silent")
    await bystander.first(events.TextDelta)
    look = stage.supervisor._descendants.look
    run = await stage.start(
        "orphan-later", observe=lambda event: look() if isinstance(event, events.ApprovalAsked) else None
    )
    while "orphaned" not in run.text:
        await run.handle.log.changed()
    orphan = int(run.text.split()[0])
    assert processes.read(orphan).ppid == os.getpid()
    run.handle.stop(CLIENT)
    await stopped(run)
    assert processes.read(orphan) is None
    assert not bystander.handle.finished.done()


async def test_a_run_can_be_stopped_while_it_waits(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=1))
    first, second = await stage.start("then-silent"), await stage.start()
    second.handle.stop(CLIENT)
    assert (await stopped(second)).state is RunState.CANCELLED
    assert second.handle.run.pid is None
    assert second.said(events.RunStarted) == []
    assert stage.supervisor.queued == 0
    assert first.handle.run.state is RunState.RUNNING


async def test_a_run_can_be_stopped_in_the_moment_it_was_taken(stage):
    run = await stage.start("then-silent")
    run.handle.stop(CLIENT)
    assert (await stopped(run)).state is RunState.CANCELLED
    await stage.all_gone()


async def test_a_run_can_be_stopped_in_the_moment_its_child_is_started(stage):
    run = await stage.start(
        "then-silent",
        observe=lambda event: stage.newest().stop(CLIENT) if isinstance(event, events.RunStarted) else None,
    )
    assert (await stopped(run)).state is RunState.CANCELLED


async def test_stopping_twice_is_stopping_once(stage):
    run = await stage.start("then-silent")
    await run.first(events.TextDelta)
    run.handle.stop(CLIENT)
    run.handle.stop(Stop(StopCause.CONSOLE))
    assert (await stopped(run)).state is RunState.CANCELLED
    assert [event.cause for event in run.said(events.RunStopping)] == [StopCause.CLIENT]


async def test_a_stop_after_the_end_changes_nothing(stage):
    run = await stage.start()
    await run.end()
    run.handle.stop(CLIENT)
    assert run.handle.run.state is RunState.COMPLETED
    assert run.said(events.RunStopping) == []
    assert run.handle.log.closed


async def test_a_stop_after_the_turn_is_over_is_ignored(stage):
    run = await stage.start(
        observe=lambda event: stage.newest().stop(CLIENT) if isinstance(event, events.TurnDone) else None
    )
    assert (await run.end()).state is RunState.COMPLETED
    assert run.said(events.RunStopping) == []


async def test_an_interrupted_turn_is_cancelled_though_it_ended_in_good_order(stage, patient):
    run = await stage.demo("/steady 4 60")
    await run.first(events.TextDelta)
    run.handle.stop(CLIENT)
    assert (await stopped(run)).state is RunState.CANCELLED
    assert run.said(events.TurnDone)
    assert run.handle.run.exit.code == 0


async def test_a_child_that_talks_without_end_is_stopped(stage):
    run = await stage.start("chatty")
    await run.first(events.TextDelta)
    run.handle.stop(CLIENT)
    assert (await stopped(run)).state is RunState.CANCELLED


async def test_the_run_is_stopped_when_its_last_owner_leaves(stage):
    run = await stage.start("then-silent")
    run.handle.owners.join("twin")
    run.handle.owners.leave("starter")
    await run.first(events.TextDelta)
    assert run.handle.run.stop is None
    run.handle.owners.leave("twin")
    assert (await stopped(run)).state is RunState.CANCELLED
    assert run.handle.run.stop.cause is StopCause.DISCONNECT


async def test_too_much_output_fails_the_run(new_stage):
    stage = new_stage(Limits(run_bytes=100_000))
    judgement = await stopped(await stage.start("chatty"))
    assert judgement.error.code is ErrorCode.OUTPUT_LIMIT
    assert "100000 bytes" in judgement.error.message


@pytest.mark.parametrize(
    ("fault", "bounds", "timeout", "sentence"),
    [
        (
            "unread",
            BackendOptions(first_output_secs=0.3),
            None,
            "No first output within 0.3 s (first-output timeout)",
        ),
        ("then-silent", BackendOptions(idle_secs=0.3), None, "No output for 0.3 s (idle timeout)"),
        ("slowly 0.05", BackendOptions(idle_secs=10), 0.5, "The run took longer than its total of 0.5 s"),
    ],
)
async def test_each_clock_that_strikes_is_named(new_stage, fault, bounds, timeout, sentence):
    stage = new_stage(Limits(backends={"fake": bounds}))
    run = await stage.start(fault, prompt="p" * 5_000_000, timeout_secs=timeout)
    judgement = await stopped(run)
    assert judgement.state is RunState.FAILED
    assert (judgement.error.code, judgement.error.message) == (ErrorCode.TIMEOUT, sentence)


async def test_the_servers_total_holds_where_the_request_asks_for_more(new_stage):
    stage = new_stage(Limits(total_secs=0.3))
    judgement = await stopped(await stage.start("slowly 0.05", timeout_secs=3600))
    assert "total of 0.3 s" in judgement.error.message


async def test_waiting_for_a_slot_is_not_running(new_stage, monkeypatch):
    ahead = 0.0

    class Moved(SystemClock):
        def monotonic(self):
            return super().monotonic() + ahead

    monkeypatch.setattr(conftest, "SystemClock", Moved)
    stage = new_stage(Limits(max_concurrent_runs=1))
    first = await stage.start("then-silent")
    await first.first(events.TextDelta)
    waiting = await stage.demo("/steady 30 1", timeout_secs=conftest.DEADLINE)
    last = await stage.start()
    last.handle.stop(CLIENT)
    await last.end()  # who came before it waits by now
    time = stage.supervisor._around.time
    began = time.now()
    while time.now() - began < 2 * conftest.DEADLINE:
        ahead += 1.0  # as a server that is awake has it pass: at once it would be a suspension
    assert waiting.handle.run.state is RunState.QUEUED
    first.handle.stop(CLIENT)
    assert (await waiting.end()).state is RunState.COMPLETED


async def test_draining_stops_what_is_live_and_refuses_what_is_new(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=2))
    live = await stage.demo("/children")
    pids = await children_of(live)
    deaf, queued = await stage.start("deaf"), await stage.start()
    await stage.supervisor.drain(0)
    for run in (live, deaf, queued):
        assert run.handle.run.state is RunState.CANCELLED
        assert run.handle.run.stop.cause is StopCause.SHUTDOWN
    assert [pid for pid in pids if processes.read(pid)] == []
    with pytest.raises(ShuttingDown):
        await stage.start()


async def test_draining_with_grace_lets_a_run_finish(stage):
    run = await stage.demo("hello")
    await stage.supervisor.drain(20)
    assert run.handle.run.state is RunState.COMPLETED


async def children_of(run):
    """The pids that `/children` tells."""
    while True:
        changed = run.handle.log.changed()
        pids = [int(pid) for pid in re.findall(r"pid (\d+)", run.text)]
        if len(pids) == 4:
            return pids
        assert not run.handle.finished.done()
        await changed


async def test_what_left_no_trace_ends_though_all_it_may_belong_to_end_at_once(stage):
    runs = [await stage.demo("/children") for _ in range(3)]
    pids = [pid for run in runs for pid in await children_of(run)]
    for run in runs:
        run.handle.stop(CLIENT)
    for run in runs:
        await stopped(run)
    assert [pid for pid in pids if processes.read(pid)] == []


async def test_whoever_was_there_before_the_supervisor_is_left_alone(new_stage):
    with subprocess.Popen(["sleep", "86400"]) as elder:
        try:
            run = await new_stage().start()
            await run.end()
            await new_stage().all_gone()
            assert elder.poll() is None
        finally:
            elder.kill()
