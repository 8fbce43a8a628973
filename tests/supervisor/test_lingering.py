"""What a run left on purpose: it lives on for so long, is charged to its run, and ends with whatever ends it."""

import asyncio
import json
import os
import signal

import pytest

from clinvk.domain.errors import InvalidInput
from clinvk.domain.events import TextDelta
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import RunState, Start, Stop, StopCause
from clinvk.supervisor import pressure
from clinvk.supervisor.limits import Limits, LingerLimits, PoolLimits
from tests.conftest import DEADLINE
from tests.supervisor.lodgings import House, Lodger, is_alive
from tests.supervisor.squatters import KEPT, MINE, Squatter, until

LONG = {"linger_secs": 60.0}
ROOM = PoolLimits(children=3)


def furnished(new_stage, keeping=None, linger=LingerLimits(60.0, 2), pool=ROOM, **limits):  # noqa: B008
    """Room for three who wait, and for what two runs left."""
    return House(new_stage(Limits(pool=pool, linger=linger, **limits), keeping, [Lodger(), Squatter()]))


@pytest.fixture
async def house(new_stage, keep):
    return furnished(new_stage, await keep())


async def leave(house, prompt="orphan beside", **spec):
    """A run that has left a process, and the pid of that."""
    run = await house.ask(prompt, **{**MINE, **LONG, **spec})
    assert run.text, (run.handle.run.error, run.handle.run.exit)
    return run, json.loads(run.text)["left"]


async def gone(house, run):
    """Wait until nothing is left of it."""
    async with asyncio.timeout(DEADLINE):
        while future := house.pool.lingering.gone(run.handle.id):
            await asyncio.wait([future])


def lingering(house):
    """The ids of the runs of which something is left, as they are listed."""
    history = house.stage.supervisor.history
    page = history._page_at_hand(RunQuery(lingering=True))
    assert page.total == len(page.runs) == house.stage.supervisor.lingering
    return [run.id for run in page.runs]


@pytest.mark.parametrize("where", ["beside", "alone"])
async def test_what_a_run_left_lives_on_and_has_no_slot(house, where):
    run, left = await leave(house, f"orphan {where}")
    supervisor = house.stage.supervisor
    assert run.handle.run.state is RunState.COMPLETED
    assert is_alive(left)
    assert (supervisor.live, house.waiting, lingering(house)) == (0, [], [run.handle.id])
    seen = supervisor.history.view(run.handle.id)
    assert seen.finished_at < seen.lingers_until
    told = await run.handle.runner.inspect()
    assert {run.handle.run.pid, left} <= {each.pid for each in told.processes}
    await house.pool.look_after()
    rows = supervisor._descendants.look()[run.handle.id]
    supervisor._descendants._end_nobodys()
    assert left in {row.pid for row in rows}
    assert is_alive(left)
    assert run.handle.end_lingering()
    assert not run.handle.end_lingering(), "it is on its way already"
    await gone(house, run)
    assert not is_alive(left)
    assert not is_alive(run.handle.run.pid)
    assert lingering(house) == []
    assert supervisor.history.view(run.handle.id).lingers_until is None


async def test_it_ends_when_its_time_is_up(house):
    run, left = await leave(house, linger_secs=0.5)
    await gone(house, run)
    assert not is_alive(left)


async def test_where_nothing_is_left_the_child_waits_for_others_as_ever(house):
    run = await house.ask(**MINE, **LONG)
    assert house.pids == [run.handle.run.pid]
    assert lingering(house) == []
    assert (await house.told(**MINE))[1] is Start.WARM


async def test_what_was_not_asked_to_linger_does_not(house):
    run, left = await leave(house, linger_secs=None)
    assert not is_alive(left)
    assert not is_alive(run.handle.run.pid)


async def test_it_is_off_unless_the_server_allows_it(new_stage):
    house = furnished(new_stage, linger=LingerLimits())
    with pytest.raises(InvalidInput) as refused:
        await house.ask(**MINE, **LONG)
    (fault,) = refused.value.faults
    assert (fault.path, "linger.max_secs" in fault.expected) == ("/linger_secs", True)


async def test_no_more_than_the_server_allows_may_be_asked_for(house):
    with pytest.raises(InvalidInput) as refused:
        await house.ask(**MINE, linger_secs=60.5)
    (fault,) = refused.value.faults
    assert (fault.path, fault.message) == ("/linger_secs", "60.5 is too large")
    assert fault.expected == "at most 60 (linger.max_secs)"


async def test_a_run_that_fails_leaves_nothing(house):
    run, left = await leave(house, "orphan beside and fail")
    assert run.handle.run.state is RunState.FAILED
    assert not is_alive(left)
    assert lingering(house) == []


async def test_a_run_that_is_stopped_leaves_nothing(house):
    run = await house.stage.demo("/children", **LONG)
    for _ in range(4):
        await run.first(TextDelta)
    run.handle.stop(Stop(StopCause.CLIENT))
    assert (await run.end()).state is RunState.CANCELLED
    assert lingering(house) == []


async def test_a_child_whose_leavings_have_ended_by_themselves_goes(house):
    run, left = await leave(house)
    await house.pool.look_after()
    assert lingering(house) == [run.handle.id]
    os.kill(left, signal.SIGKILL)
    await until(lambda: not is_alive(left))
    await house.pool.look_after()
    await gone(house, run)
    assert not is_alive(run.handle.run.pid)
    assert house.waiting == []


async def test_what_a_cli_left_goes_when_the_cli_does(house):
    run, left = await leave(house)
    os.kill(run.handle.run.pid, signal.SIGKILL)
    await gone(house, run)
    assert not is_alive(left)


async def test_beyond_the_limit_what_was_left_first_ends(house):
    runs = [await leave(house) for _ in range(3)]
    await gone(house, runs[0][0])
    assert [is_alive(left) for _, left in runs] == [False, True, True]
    assert lingering(house) == [runs[2][0].handle.id, runs[1][0].handle.id]


async def test_new_limits_hold_for_what_lingers(house):
    (first, _), (second, left) = [await leave(house) for _ in range(2)]
    house.pool.lingering.adjust(LingerLimits(50.0, 1))
    await gone(house, first)
    assert house.pool.lingering.until(second.handle.id) < second.handle.run.finished_at + 51
    await house.stage.supervisor.adjust(Limits(pool=ROOM))
    await gone(house, second)
    assert not is_alive(left)


async def test_where_memory_is_short_nothing_lingers(house, monkeypatch):
    run, left = await leave(house)
    monkeypatch.setattr(pressure, "is_high", lambda: True)
    await house.pool.look_after()
    await gone(house, run)
    assert not is_alive(left)


async def test_a_drain_ends_what_lingers(house):
    _, left = await leave(house)
    await house.stage.all_gone()
    assert not is_alive(left)


async def test_nothing_begins_to_linger_once_the_server_drains(house):
    run = await house.stage.start("", "orphan beside", model=None, **MINE, **LONG)
    house.pool.end()
    await run.end()
    await house.settled()
    assert not is_alive(json.loads(run.text)["left"])


async def test_it_can_be_ended_before_it_is_known_that_there_is_any(house):
    run = await house.stage.start("", "orphan beside", model=None, **MINE, **LONG)
    await run.end()
    assert run.handle.lingers_until is not None
    assert run.handle.end_lingering()
    await house.settled()
    assert not is_alive(json.loads(run.text)["left"])
    assert lingering(house) == []


async def test_nobody_else_is_lent_its_child(house):
    run, left = await leave(house, **KEPT)
    other = await house.ask(**MINE)
    assert other.handle.run.pid != run.handle.run.pid
    assert is_alive(left)


async def test_the_next_turn_of_its_session_is_taken_by_its_child_and_must_ask_again(house):
    first, left = await leave(house, **KEPT)
    session = first.handle.run.spec.session_id
    second = await house.ask(session_id=session, **MINE, **KEPT, **LONG)
    assert (second.handle.run.start, second.handle.run.pid) == (Start.LIVE, first.handle.run.pid)
    assert is_alive(left)
    assert lingering(house) == [second.handle.id]
    third = await house.ask(session_id=session, **MINE, **KEPT)
    assert third.handle.run.start is Start.LIVE
    assert not is_alive(left)
    assert lingering(house) == []


async def test_no_conversation_has_two_children(house):
    first, left = await leave(house, **KEPT)
    session = first.handle.run.spec.session_id
    second = await house.ask(session_id=session, **{**MINE, **KEPT, "model": "another"})
    assert second.handle.run.pid != first.handle.run.pid
    assert not is_alive(first.handle.run.pid)
    assert not is_alive(left)


async def test_without_a_pool_it_lingers_as_well(new_stage, keep):
    house = furnished(new_stage, await keep(), pool=PoolLimits(children=0))
    run, left = await leave(house, **KEPT)
    assert is_alive(left)
    second = await house.ask(session_id=run.handle.run.spec.session_id, **MINE, **KEPT)
    assert second.handle.run.state is RunState.COMPLETED
    assert not is_alive(left)
    assert house.waiting == []


async def test_it_goes_with_its_session(house):
    run, left = await leave(house, **KEPT)
    await house.stage.supervisor.keeper.delete(run.handle.run.spec.session_id)
    assert not is_alive(left)
    assert house.stage.supervisor.lingering == 0


async def test_a_run_that_is_forgotten_leaves_nothing(house):
    run, left = await leave(house)
    await house.stage.supervisor.history.drop([run.handle.id])
    await gone(house, run)
    assert not is_alive(left)


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_run_is_at_hand_as_long_as_something_of_it_lingers(new_stage, keep, keeps):
    house = furnished(new_stage, await keep() if keeps else None, history_runs=1)
    run, _ = await leave(house)
    for _ in range(3):
        await house.ask()
    assert lingering(house) == [run.handle.id]
    page = await house.stage.supervisor.history.page(RunQuery(lingering=True))
    assert [each.id for each in page.runs] == [run.handle.id]
