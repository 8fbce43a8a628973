"""Runs that try to leave something to the next one on their child, and moments in which a child could be lost."""

import asyncio
import json
import os
import signal

import pytest

from clinvk.domain.run import RunState, Start, Stop, StopCause
from clinvk.domain.wire import to_wire
from clinvk.supervisor import log as log_module
from tests.conftest import DEADLINE
from tests.supervisor.lodgings import is_alive
from tests.supervisor.squatters import MINE, furnished, until

SECRET = "hunter2"


@pytest.fixture
async def house(new_stage, keep):
    return furnished(new_stage, await keep())


def said_in(run):
    """All that a run's events say."""
    return json.dumps([to_wire(event) for event in run.events])


# What is left behind.


@pytest.mark.parametrize("how", ["alone", "beside"])
async def test_an_orphan_with_a_cleared_environment_ends_with_its_turn(house, how):
    told, _ = await house.told(f"orphan {how}", **MINE)
    assert not is_alive(told["left"])
    assert house.waiting == []


async def test_one_of_another_run_ends_with_whichever_is_the_last(house):
    busy = await house.stage.start("", "hang", model=None, ephemeral=True, **MINE)
    await until(lambda: "waiting" in busy.text)
    told, _ = await house.told("orphan alone", **MINE)
    busy.handle.stop(Stop(StopCause.CLIENT))
    await busy.end()
    await house.settled()
    await until(lambda: not is_alive(told["left"]))


async def test_an_orphan_that_says_that_it_is_anothers_ends_with_its_turn(house):
    told, _ = await house.told("orphan alone nobody", **MINE)
    try:
        assert not is_alive(told["left"])
    finally:
        end(told["left"])


async def sown(house, what):
    """A child that waits, and that has begun something since."""
    await house.told(f"sow {what}", **MINE)
    (kept,) = house.waiting
    (house.stage.workdir / "sow").touch()
    await until(lambda: len(house.pool._descendants.look()[kept.marker]) == 2)
    return kept


@pytest.mark.parametrize("what", ["orphan", "child"])
async def test_what_begins_while_a_child_waits_is_not_its_own_to_keep(house, what):
    await sown(house, what)
    await house.told("harmless", **MINE)
    assert house.waiting == []


async def test_one_that_begins_another_thing_at_every_look_does_not_wait_for_ever(house):
    kept = await sown(house, "hopper")
    async with asyncio.timeout(DEADLINE):
        while house.waiting:  # two looks would do, but one of them may come between two of its processes
            before = others(house, kept)
            await house.pool.look_after()
            await until(lambda: kept not in house.waiting or others(house, kept).isdisjoint(before))  # noqa: B023


def others(house, kept):
    """What a child has beside itself."""
    rows = house.pool._descendants.look()[kept.marker]
    return {(row.pid, row.started) for row in rows} - kept.own


async def test_a_file_of_the_childs_own_is_as_it_was(house):
    before, _ = await house.told(**MINE)
    await house.told("overwrite policy.toml", **MINE)
    after, _ = await house.told(**MINE)
    assert after["files"] == before["files"]


async def test_a_file_in_a_folder_of_the_childs_own_is_not_there_for_the_next(house):
    before, _ = await house.told(**MINE)
    await house.told("overwrite own/secret", **MINE)
    after, _ = await house.told(**MINE)
    assert after["files"] == before["files"]


# What is said at the wrong time.


async def test_what_a_child_says_late_is_not_told_to_the_next_run(house):
    await house.ask(f"late {SECRET}", **MINE)
    run = await house.ask(**MINE)
    assert run.handle.run.state is RunState.COMPLETED
    assert SECRET not in said_in(run)


async def test_what_it_says_while_nobody_listens_is_told_to_nobody(house):
    first = await house.ask(f"mutter {SECRET}", **MINE)
    assert len(house.waiting) == 1
    await until((house.stage.workdir / "muttered").exists)
    run = await house.ask(**MINE)
    assert run.handle.run.pid == first.handle.run.pid
    assert SECRET not in said_in(run)


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("complain", id="in its turn"),
        pytest.param("grumble", id="after it"),
    ],
)
async def test_what_it_wrote_to_stderr_for_one_run_is_not_shown_to_the_next(house, when):
    await house.ask(f"{when} {SECRET}", **MINE)
    assert len(house.waiting) == 1
    if when == "grumble":
        await until((house.stage.workdir / "muttered").exists)
    run = await house.stage.start("", "hang", model=None, ephemeral=True, **MINE)
    await until(lambda: "waiting" in run.text)
    tail = (await run.handle.runner.inspect()).stderr_tail
    run.handle.stop(Stop(StopCause.CLIENT))
    await run.end()
    assert run.handle.run.start is Start.WARM
    assert SECRET not in tail


async def test_nor_is_it_the_reason_why_the_next_one_failed(house):
    await house.ask(f"complain {SECRET}", **MINE)
    judgement = (await house.ask("crash", **MINE)).handle.run
    assert judgement.start is Start.WARM
    assert SECRET not in str(judgement.error) + judgement.exit.stderr_tail


async def test_one_that_nobody_can_understand_any_more_takes_no_run(house):
    first = await house.ask("overlong", **MINE)
    await until(lambda: not any(kept.child.is_heard for kept in house.waiting))
    run = await house.ask(**MINE)
    assert run.handle.run.state is RunState.COMPLETED
    assert run.handle.run.pid != first.handle.run.pid


async def test_one_that_had_to_wait_for_the_disk_is_heard_by_the_next_run(house, monkeypatch):
    monkeypatch.setattr(log_module, "LAG_CEILING", 2)
    await house.ask()
    run = await house.ask()
    assert run.handle.run.state is RunState.COMPLETED


def end(pid):
    if is_alive(pid):
        os.kill(pid, signal.SIGKILL)
