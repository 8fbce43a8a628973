"""How many at once, who waits, and what is kept."""

import asyncio
import os

import pytest

from clinvk import processes
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode, QueueFull, RunNotFound
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor.limits import BackendOptions, Limits


async def test_a_hundred_prompts_are_answered_by_at_most_eight_children(stage):
    most = 0

    def count(event):
        nonlocal most
        if isinstance(event, events.RunStarted):
            rows = processes.table().values()
            children = {(row.pid, row.started) for row in rows if row.ppid == os.getpid() and row.alive}
            most = max(most, len(children - stage._before))

    runs = [await stage.start(observe=count) for _ in range(100)]
    for run in runs:
        assert (await run.end()).state is RunState.COMPLETED
    assert 0 < most <= 8


async def test_all_backends_share_the_servers_limit(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=2, backends={"demo": BackendOptions(max_concurrent=2)}))
    runs = [await stage.start("then-silent"), await stage.demo("/hang"), await stage.demo("/hang")]
    await runs[0].first(events.TextDelta)
    await runs[1].first(events.RunStarted)
    assert [run.handle.run.state for run in runs][2] is RunState.QUEUED
    assert (stage.supervisor.live, stage.supervisor.queued) == (2, 1)


async def test_runs_beyond_the_queues_bound_are_refused(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=1, max_queued_runs=2))
    for _ in range(3):
        await stage.start("then-silent")
    with pytest.raises(QueueFull) as refused:
        await stage.start()
    assert 1 <= refused.value.retry_after_secs <= 60
    assert stage.supervisor.queued == 2


async def test_those_who_wait_are_served_in_order(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=1))
    order = []

    def noting(number):
        return lambda event: order.append(number) if isinstance(event, events.RunStarted) else None

    first = await stage.start("then-silent", observe=noting(0))
    runs = [first, *[await stage.start(observe=noting(number)) for number in range(1, 6)]]
    assert [run.events[0].position for run in runs] == [0, 0, 1, 2, 3, 4]
    await first.first(events.TextDelta)
    first.handle.stop(Stop(StopCause.CLIENT))
    await asyncio.gather(*(run.end() for run in runs))
    assert order == list(range(6))


async def test_a_backend_at_its_own_limit_lets_others_pass(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=3, backends={"fake": BackendOptions(max_concurrent=1)}))
    first, second = await stage.start("then-silent"), await stage.start()
    other = await stage.demo("hello")
    assert (await other.end()).state is RunState.COMPLETED
    assert second.handle.run.state is RunState.QUEUED
    first.handle.stop(Stop(StopCause.CLIENT))
    assert (await second.end()).state is RunState.COMPLETED


async def test_a_slot_is_free_only_when_the_child_is_gone(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=1))
    first = await stage.start("deaf-after-answer")
    second = await stage.start()
    await first.end()
    assert second.handle.run.state is RunState.QUEUED
    await second.first(events.RunStarted)
    assert processes.read(first.handle.run.pid) is None


async def test_the_oldest_runs_are_forgotten(new_stage, tmp_path):
    stage = new_stage(Limits(history_runs=2))
    runs = []
    for _ in range(4):
        runs.append(await stage.start())
        await runs[-1].end()
    with pytest.raises(RunNotFound):
        stage.supervisor.history.view(runs[0].handle.id)
    page = await stage.supervisor.history.page(RunQuery())
    assert [view.id for view in page.runs] == [runs[3].handle.id, runs[2].handle.id]


async def test_runs_are_forgotten_by_size_too(new_stage):
    stage = new_stage(Limits(history_bytes=10_000))
    for _ in range(3):
        await (await stage.start("one-line 3000")).end()
    assert (await stage.supervisor.history.page(RunQuery())).total == 1


async def test_runs_are_listed_newest_first_by_state_and_backend(stage):
    fake, demo = await stage.start("then-silent"), await stage.demo("hello")
    await demo.end()
    await fake.first(events.TextDelta)

    async def page(**query):
        return [view.id for view in (await stage.supervisor.history.page(RunQuery(**query))).runs]

    assert await page() == [demo.handle.id, fake.handle.id]
    assert await page(state=RunState.RUNNING) == [fake.handle.id]
    assert await page(backend="demo") == [demo.handle.id]
    assert await page(limit=1, offset=1) == [fake.handle.id]


async def test_the_journal_tells_the_lifecycle_of_every_run(stage):
    one, other = await stage.start(), await stage.demo("hello")
    await one.end()
    await other.end()
    entries = await stage.supervisor.journal.read(0)
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    for run in (one, other):
        mine = [entry.type for entry in entries if run.handle.id.encode() in entry.line]
        assert mine == ["run.queued", "run.started", "run.finished"]


async def test_a_view_tells_times_exit_and_command_but_no_prompt_in_it(stage, patient):
    run = await stage.start(prompt="tell me\n\n   more " + "x" * 200)
    await run.end()
    await stage.all_gone()
    view = stage.supervisor.history.view(run.handle.id)
    assert view.prompt_preview.startswith("tell me more xxx")
    assert len(view.prompt_preview) == 80
    assert view.exit.code == 0
    assert view.pid is None
    assert view.first_output_ms <= view.duration_ms
    assert "tell me" not in " ".join(view.command.argv)
    assert {"ADDED", "CLINVK_RUN"} <= set(view.command.env_names)


async def test_limits_that_are_raised_let_the_waiting_go_and_those_that_are_lowered_take_nobodys_slot(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=1))
    runs = [await stage.start("then-silent") for _ in range(3)]
    await runs[0].first(events.TextDelta)
    assert [run.handle.run.state for run in runs[1:]] == [RunState.QUEUED, RunState.QUEUED]
    await stage.supervisor.adjust(
        Limits(max_concurrent_runs=3, backends={"fake": BackendOptions(max_concurrent=2)})
    )
    await runs[1].first(events.TextDelta)
    assert runs[2].handle.run.state is RunState.QUEUED
    await stage.supervisor.adjust(Limits(max_concurrent_runs=1, max_queued_runs=0))
    assert (stage.supervisor.live, stage.supervisor.queued) == (2, 1)
    with pytest.raises(QueueFull):
        await stage.start()


async def test_a_run_is_bound_by_the_limits_it_began_with(new_stage):
    stage = new_stage(Limits(total_secs=0.3))
    run = await stage.start("then-silent")
    await stage.supervisor.adjust(Limits(total_secs=3600))
    assert (await run.end()).error.code is ErrorCode.TIMEOUT
