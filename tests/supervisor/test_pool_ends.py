"""Children that wait, and when they go: by their turns, by time, by what is short, by themselves."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from clinvk.domain import events
from clinvk.domain.errors import ErrorCode
from clinvk.domain.run import RunState, Start, Stop, StopCause
from clinvk.supervisor import pool, pressure
from clinvk.supervisor.limits import PoolLimits
from tests.conftest import DEADLINE
from tests.supervisor.lodgings import furnished, is_alive
from tests.supervisor.squatters import until

COLD, WARM, LIVE = Start.COLD, Start.WARM, Start.LIVE
KEPT = {"ephemeral": False}


@pytest.fixture
async def house(new_stage, keep):
    """With room for three."""
    return furnished(new_stage, await keep())


async def test_after_so_many_turns_a_child_goes(new_stage):
    house = furnished(new_stage, turns=2)
    pids = [(await house.told())[0]["pid"] for _ in range(3)]
    assert pids[0] == pids[1] != pids[2]


async def test_those_who_wait_longest_make_room(new_stage):
    house = furnished(new_stage, children=2)
    told = [(await house.told(model=name))[0]["pid"] for name in ("a", "b", "c")]
    assert house.pids == told[1:]
    assert not is_alive(told[0])


async def test_who_waits_too_long_goes(new_stage):
    house = furnished(new_stage, idle_secs=0)
    await house.ask()
    await house.pool.look_after()
    await house.settled()
    assert house.waiting == []


async def test_who_waits_is_looked_after_by_and_by(new_stage, monkeypatch):
    monkeypatch.setattr(pool, "LOOK_SECS", 0.001)
    house = furnished(new_stage, idle_secs=0)
    await house.ask()
    await until(lambda: not house.waiting)


async def test_memory_is_measured_and_bounded(new_stage):
    house = furnished(new_stage)
    await house.ask(model="a")
    await house.ask(model="b")
    await house.pool.look_after()
    sizes = [kept.memory for kept in house.waiting]
    assert min(sizes) > 1 << 20
    assert house.pool.idle("lodger") == (2, sum(sizes))
    last = house.pids[1]
    house.pool.adjust(PoolLimits(3, sum(sizes) - 1), {})
    await house.settled()
    assert house.pids == [last]


async def test_where_memory_is_short_nobody_waits(house, monkeypatch):
    await house.ask()
    monkeypatch.setattr(pressure, "is_high", lambda: True)
    await house.pool.look_after()
    await house.settled()
    assert house.waiting == []


async def test_one_that_begins_something_while_it_waits_goes(house):
    await house.ask()
    (kept,) = house.waiting
    kept.own = set()  # as if what it has now had not been there
    await house.pool.look_after()
    assert house.waiting == [kept], "it may end by itself"
    await house.pool.look_after()
    await house.settled()
    assert house.waiting == []


async def test_other_variables_of_a_backend_end_its_children_only(house):
    await house.ask(model="a")
    await house.pool.look_after()
    pids = house.pids
    house.pool.adjust(house.pool._limits, {"recluse": {"A": "1"}})
    assert house.pids == pids
    house.pool.adjust(house.pool._limits, {"lodger": {"A": "1"}})
    await house.settled()
    assert house.waiting == []


async def test_one_that_failed_is_not_used_again(house):
    await house.ask("fail")
    assert house.waiting == []


async def test_one_that_goes_by_itself_is_not_used_again(house):
    await house.ask("answer and go")
    for kept in house.waiting:
        async with asyncio.timeout(DEADLINE):
            await asyncio.shield(kept.child.ended)
    await asyncio.sleep(0)  # who hears of an end does so in the next turn of the loop
    await house.settled()
    assert house.waiting == []


async def test_one_that_was_stopped_is_not_used_again(house):
    run = await house.stage.start("", "hang", backend="lodger", model=None)
    await run.first(events.TextDelta)
    run.handle.stop(Stop(StopCause.CLIENT))
    assert (await run.end()).state is RunState.CANCELLED
    await house.settled()
    assert house.waiting == []
    assert not is_alive(run.handle.run.pid)


async def test_one_that_dies_while_it_waits_is_taken_away(house):
    told, _ = await house.told()
    (kept,) = house.waiting
    os.kill(told["pid"], signal.SIGKILL)
    async with asyncio.timeout(DEADLINE):
        await asyncio.shield(kept.child.ended)
    await house.settled()
    assert house.waiting == []
    assert (await house.told())[1] is COLD


async def test_one_that_dies_of_a_prompt_before_it_says_a_word_is_replaced(house):
    await house.told()
    run = await house.stage.start("", "vanish", backend="lodger", model=None)
    judgement = await run.end()
    assert judgement.error.code is ErrorCode.BACKEND_EXITED
    told = [notice.message for notice in run.said(events.Notice)]
    assert "The process that waited for a run was gone; another was started" in told
    assert run.handle.run.start is COLD


async def test_the_exit_of_a_child_is_that_of_no_run_that_it_outlived(house):
    run = await house.ask()
    house.pool.end()
    await house.settled()
    assert run.handle.run.exit is None


async def test_a_drain_ends_who_waits_and_lets_nobody_begin_to(house):
    told, _ = await house.told()
    run = await house.stage.start("", "hello", backend="lodger", model=None)
    house.pool.end()
    await run.end()
    await house.settled()
    assert house.waiting == []
    assert not is_alive(told["pid"])


async def test_its_folder_goes_when_it_goes(house):
    told, _ = await house.told()
    folder = Path(told["env"]["TMPDIR"])
    assert folder.is_dir()
    house.pool.end()
    await house.settled()
    assert not folder.exists()
