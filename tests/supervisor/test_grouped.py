"""Runs whose children have control groups: what belongs to whom, and what is left."""

import os
import threading
from pathlib import Path

from clinvk import processes
from clinvk.domain import events
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor import cgroup, cgroups
from clinvk.supervisor.cgroups import NOWHERE
from clinvk.supervisor.limits import Limits, PoolLimits
from tests.conftest import DEADLINE
from tests.supervisor.grouping import PLACE, is_grouped, wanted
from tests.supervisor.squatters import until

CLIENT = Stop(StopCause.CLIENT)


def groups_of(stage):
    return [found.name for found in Path(PLACE).glob(f"{Path(stage.supervisor.pool.sites.root).name}-*")]


@wanted
async def test_what_tells_nothing_goes_with_its_own_run_while_another_is_live(stage):
    one, other = await stage.start("traceless"), await stage.start("traceless")
    pids = [int((await run.first(events.TextDelta)).text) for run in (one, other)]
    assert all(processes.read(pid).ppid == os.getpid() for pid in pids)
    looked = stage.supervisor._descendants.look()
    for run, pid in zip((one, other), pids, strict=True):
        assert pid in {row.pid for row in looked[run.handle.run.id]}
    one.handle.stop(CLIENT)
    await one.end()
    assert processes.read(pids[0]) is None
    assert processes.read(pids[1]).alive
    other.handle.stop(CLIENT)
    await other.end()
    assert processes.read(pids[1]) is None


@wanted
async def test_each_child_has_a_group_named_for_its_folder_that_goes_with_it(stage):
    run = await stage.start("traceless")
    await run.first(events.TextDelta)
    (name,) = groups_of(stage)
    folder = run.handle.runner._lease.outfit.folder
    assert name == f"{Path(folder).parent.name}-{Path(folder).name}"
    assert is_grouped(run.handle.run.pid)
    run.handle.stop(CLIENT)
    await run.end()
    await stage.all_gone()
    assert groups_of(stage) == []


@wanted
async def test_children_that_end_in_the_moment_they_are_moved_leave_no_group(stage):
    for _ in range(10):
        judgement = await (await stage.start("exit 3")).end()
        assert judgement.state is RunState.FAILED
    await stage.all_gone()
    assert groups_of(stage) == []


@wanted
async def test_a_child_that_ends_before_it_is_moved_leaves_no_group(stage, monkeypatch):
    take, comes, may = cgroup.Cgroup.take, threading.Event(), threading.Event()

    def later(group, pid):
        comes.set()
        may.wait(DEADLINE)
        take(group, pid)

    monkeypatch.setattr(cgroup.Cgroup, "take", later)
    run = await stage.start("unread")
    family = await enrolled(stage, run)
    await until(comes.is_set)  # from now on nobody takes leave of it before it may be moved
    await stage.supervisor._descendants.end(run.handle.run.id)
    may.set()
    assert (await run.end()).state is RunState.FAILED
    assert family.cgroup.is_gone
    assert groups_of(stage) == []


async def enrolled(stage, run):
    await run.first(events.RunStarted)
    return stage.supervisor._descendants._families[run.handle.run.id]


@wanted
async def test_a_child_that_waits_keeps_its_group_from_run_to_run(new_stage):
    stage = new_stage(Limits(pool=PoolLimits(children=1)))
    pids = set()
    for _ in range(2):
        run = await stage.demo("hello")
        assert (await run.end()).state is RunState.COMPLETED
        pids.add(run.handle.run.pid)
        await stage.supervisor._tasks.join()
        await until(lambda: len(groups_of(stage)) == 1)  # it may have answered before it is moved
    assert len(pids) == 1
    await stage.all_gone()
    assert groups_of(stage) == []


async def test_without_groups_everything_ends_as_before(new_stage, monkeypatch):
    monkeypatch.setattr(cgroups, "place", lambda: None)
    stage = new_stage()
    assert stage.supervisor._descendants.cgroups.new() is NOWHERE.new() is None
    run = await stage.start("grandchild answer")
    assert (await run.end()).state is RunState.COMPLETED
    assert run.handle.run.pid
    await stage.all_gone()


@wanted
async def test_a_group_that_cannot_be_removed_at_first_is_removed_at_last(stage, monkeypatch):
    run = await stage.start("deaf")
    await run.first(events.TextDelta)
    end, failures = cgroup.Cgroup.end, [1]

    def fail_once(group):
        return failures.pop() if failures else end(group)

    monkeypatch.setattr(cgroup.Cgroup, "end", fail_once)
    run.handle.stop(CLIENT)
    await run.end()
    assert groups_of(stage) == []
    assert not failures
