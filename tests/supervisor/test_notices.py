"""What whoever starts a run is told of it: who else may write in its folder, and that it has no session."""

import asyncio

import pytest

from clinvk.domain import events
from clinvk.domain.run import Stop, StopCause
from clinvk.domain.spec import ApprovalMode, SandboxMode
from clinvk.supervisor.limits import Limits


def warnings(run):
    return [notice for notice in run.handle.run.notices if "may write" in notice]


async def second(stage, first=None, **more):
    """One run that waits, then another."""
    waiting = await stage.start("then-silent", **(first or {}))
    return waiting, await stage.start("then-silent", **more)


async def test_the_second_run_that_may_write_in_a_folder_is_told_and_the_first_is_not(stage):
    one, two = await second(stage)
    three = await stage.start("then-silent")
    assert one.handle.run.notices == ()
    assert warnings(two) == warnings(three)
    (told,) = two.handle.run.notices
    for word in (
        str(stage.workdir),
        '"read-only"',
        '"always"',
        "worktree",
        "/chain",
        '"max_parallel": 1',
        "sequen",
    ):
        assert word in told


async def test_the_notice_stands_in_the_view_and_in_the_log_before_the_run_starts(stage):
    _, run = await second(stage)
    await run.first(events.RunStarted)
    assert stage.supervisor.history.view(run.handle.id).notices == run.handle.run.notices
    queued, noticed, started = run.events[:3]
    assert (type(queued), type(started)) == (events.RunQueued, events.RunStarted)
    assert (noticed,) == tuple(map(events.Notice, run.handle.run.notices))


@pytest.mark.parametrize(
    "harmless",
    [
        {"sandbox_mode": SandboxMode.READ_ONLY},
        {"approval_mode": ApprovalMode.ALWAYS},
        {"backend": "demo", "model": None, "prompt": "/hang"},
    ],
)
async def test_who_cannot_write_neither_warns_nor_is_warned(stage, harmless):
    for first, then in (({}, harmless), (harmless, {})):
        one, two = await second(stage, first, **then)
        assert (warnings(one), warnings(two)) == ([], [])
        for run in (one, two):
            run.handle.stop(Stop(StopCause.CLIENT))
            await run.end()


@pytest.mark.parametrize("mode", [SandboxMode.DEFAULT, SandboxMode.WORKSPACE, SandboxMode.FULL])
async def test_any_other_sandbox_mode_may_write(stage, mode):
    _, run = await second(stage, sandbox_mode=mode)
    assert warnings(run)


@pytest.mark.parametrize(
    ("first", "then", "warned"),
    [
        ("a", "a", True),
        ("a", "a/b", True),
        ("a/b", "a", True),
        ("a", "link", True),
        ("link", "a/b", True),
        ("a", "ab", False),
        ("ab", "a", False),
        ("a/b", "ab", False),
    ],
)
async def test_folders_meet_where_one_is_the_other_or_in_it_wherever_links_lead(stage, first, then, warned):
    for name in ("a/b", "ab"):
        (stage.workdir / name).mkdir(parents=True)
    (stage.workdir / "link").symlink_to(stage.workdir / "a")
    folders = {"workdir": str(stage.workdir / first)}
    _, run = await second(stage, folders, workdir=str(stage.workdir / then))
    assert bool(warnings(run)) == warned


async def test_a_run_that_has_ended_writes_no_more(stage):
    one = await stage.start()
    await one.end()
    assert warnings(await stage.start("then-silent")) == []


async def test_a_run_that_waits_for_a_slot_will_write_too(new_stage):
    stage = new_stage(Limits(max_concurrent_runs=2))
    assert len([run for run in [await stage.start("then-silent") for _ in range(3)] if warnings(run)]) == 2


async def test_of_two_at_the_very_same_time_one_is_told(new_stage, keep):
    stage = new_stage(keeping=await keep())
    runs = await asyncio.gather(stage.start("then-silent"), stage.start("then-silent"))
    assert sorted(len(warnings(run)) for run in runs) == [0, 1]


async def test_a_run_that_has_no_session_says_so_in_its_view_too(stage):
    await stage.start("then-silent")
    run = await stage.start("then-silent", ephemeral=False)
    lost, warned = run.handle.run.notices
    assert lost.startswith("This run has no session. The session store is not available")
    assert [warned] == warnings(run)
    assert [event.message for event in run.said(events.Notice)] == [lost, warned]
