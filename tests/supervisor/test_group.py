"""A group over a real supervisor: what it begins, and what it does not begin any more."""

import asyncio

import pytest

from clinvk.clock import SystemClock
from clinvk.domain.errors import QueueFull
from clinvk.domain.group import GroupKind, GroupSpec
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.domain.spec import RunSpec
from clinvk.supervisor.group import Around, Group
from tests.conftest import DEADLINE


class Takes:
    """Starts runs as the supervisor does, and lets a test act before each."""

    def __init__(self, stage, before):
        self._stage = stage
        self._before = before
        self.taken = 0

    async def __call__(self, spec, owner, observe):
        self.taken += 1
        await self._before(self.taken)
        return await self._stage.supervisor.start(spec, owner, observe)


def group_of(stage, prompts, before, **more):
    """A group of demo runs that is not under way yet, and who takes its runs."""
    specs = tuple(RunSpec("demo", prompt, str(stage.workdir)) for prompt in prompts)
    spec = GroupSpec(GroupKind.PARALLEL, specs, ("",) * len(specs), **{"at_once": len(specs), **more})
    takes = Takes(stage, before)
    return Group("grp_1", spec, Around(takes, lambda _: 100, SystemClock()), "owner"), takes


async def run(group):
    async with asyncio.timeout(DEADLINE):
        await group.drive()
    return group.finished.result()


async def test_what_failed_while_another_was_being_taken_keeps_the_rest_from_beginning(stage):
    async def before(number):
        if number == 2:
            await asyncio.shield(group.members[0].handle.finished)

    group, takes = group_of(stage, ["/fail", "/hang", "/hang", "/hang"], before, stop_on_failure=True)
    end = await run(group)
    assert (end.total, end.completed, end.failed) == (4, 0, 4)
    assert takes.taken == 2
    second = group.members[1].handle.run
    assert (second.state, second.stop.cause) == (RunState.CANCELLED, StopCause.GROUP)
    assert [member.handle for member in group.members[2:]] == [None, None]


async def test_a_stop_while_a_run_is_being_taken_ends_it_and_none_is_begun_after(stage):
    async def before(number):
        if number == 2:
            group.owners.leave("owner")

    group, takes = group_of(stage, ["/hang"] * 4, before)
    await run(group)
    assert takes.taken == 2
    assert [member.handle.run.stop for member in group.members[:2]] == [Stop(StopCause.DISCONNECT)] * 2


@pytest.mark.parametrize("fault", [QueueFull(1, 1), RuntimeError("ours")], ids=["refused", "ours"])
@pytest.mark.parametrize(("stops", "taken"), [(True, 1), (False, 2)])
async def test_what_cannot_be_taken_is_a_failure_and_the_group_ends_all_the_same(
    stage, caplog, fault, stops, taken
):
    async def before(number):
        if number == 1:
            raise fault

    group, takes = group_of(stage, ["/big 5"] * 2, before, at_once=1, stop_on_failure=stops)
    end = await run(group)
    assert (takes.taken, end.completed) == (taken, taken - 1)
    assert group.members[0].refusal is not None
    first, *_ = await group.log.read()
    assert (first.type, group.members[0].refusal in first.line.decode()) == ("notice", True)
    assert ("met a fault of ours" in caplog.text) is isinstance(fault, RuntimeError)


async def test_the_last_owner_who_leaves_ends_it_and_no_other(stage):
    async def before(_):
        group.owners.join("twin")
        group.owners.leave("owner")

    group, _ = group_of(stage, ["/big 5"], before)
    assert (await run(group)).completed == 1
