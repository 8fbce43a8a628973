"""Moments in which a child could be lost, be had twice, or stay although it should go."""

import asyncio

import pytest

from clinvk.domain import events
from clinvk.domain.run import Continuation, RunState, Start, Stop, StopCause
from clinvk.supervisor.limits import PoolLimits
from tests.supervisor.lodgings import Lodger, is_alive, of_key
from tests.supervisor.squatters import KEPT, MINE, Squatter, end_left, furnished, tidying
from tests.supervisor.test_descriptors import no_descriptors


@pytest.fixture
async def house(new_stage, keep):
    return furnished(new_stage, await keep())


async def test_two_runs_never_have_one_child(house):
    await house.ask()
    runs = [await house.stage.start("", "hang", backend="lodger", model=None, ephemeral=True) for _ in range(4)]
    for run in runs:
        await run.first(events.TextDelta)
    assert len({run.handle.run.pid for run in runs}) == 4
    for run in runs:
        run.handle.stop(Stop(StopCause.CLIENT))
        await run.end()


async def test_two_that_wait_for_one_that_is_being_tidied_up_have_a_child_each(house, monkeypatch):
    async with tidying(house, monkeypatch, ephemeral=True) as first:
        runs = [await house.stage.start("", "hang", model=None, ephemeral=True, **MINE) for _ in range(2)]
        for run in runs:
            await run.first(events.TextDelta)
    pids = [run.handle.run.pid for run in runs]
    for run in runs:
        run.handle.stop(Stop(StopCause.CLIENT))
        await run.end()
    assert len(set(pids)) == 2
    assert first.handle.run.pid in pids


async def test_a_run_is_stopped_while_it_waits_for_one_that_is_being_tidied_up(house, monkeypatch):
    async with tidying(house, monkeypatch, ends=False, ephemeral=True) as first:
        run = await house.stage.start("", "x", model=None, ephemeral=True, **MINE)
        await asyncio.sleep(0)
        run.handle.stop(Stop(StopCause.CLIENT))
        end_left(first)
        assert (await run.end()).state is RunState.CANCELLED
    assert run.handle.run.pid is None
    assert house.pids == [first.handle.run.pid]
    assert house.stage.supervisor.live == 0


async def test_a_drain_ends_one_that_is_being_tidied_up(house, monkeypatch):
    async with tidying(house, monkeypatch, ephemeral=True) as run:
        house.pool.end()
    assert house.waiting == []
    assert not is_alive(run.handle.run.pid)


async def test_other_variables_end_one_that_is_being_tidied_up(house, monkeypatch):
    async with tidying(house, monkeypatch, ephemeral=True) as run:
        house.pool.adjust(house.pool._limits, {"squatter": {"SOME_KEY": "new"}})
    assert house.waiting == []
    assert not is_alive(run.handle.run.pid)


async def test_other_variables_end_one_whose_run_is_under_way(house):
    run = await house.stage.start("", "orphan beside", model=None, ephemeral=True, backend="lodger")
    await run.first(events.RunStarted)
    house.pool.adjust(house.pool._limits, {"lodger": {"SOME_KEY": "new"}})
    await run.end()
    await house.settled()
    assert house.waiting == []


async def test_one_that_is_being_tidied_up_does_not_wait_where_none_may_any_more(house, monkeypatch):
    async with tidying(house, monkeypatch, ephemeral=True):
        house.pool.adjust(PoolLimits(0), {})
    assert house.waiting == []


async def test_a_conversation_is_forgotten_while_its_child_is_being_tidied_up(house, monkeypatch):
    async with tidying(house, monkeypatch, **KEPT) as run:
        await house.pool.forget(Squatter(), run.handle.run.backend_session_id)
        assert not is_alive(run.handle.run.pid)
    assert [kept for kept in house.waiting if kept.conversation] == []


async def test_a_conversation_never_has_two_children(house, monkeypatch):
    async with tidying(house, monkeypatch, **KEPT) as first:
        session = {"session_id": first.handle.run.spec.session_id, **KEPT, **MINE}
        second = await house.ask("elsewhere", **{**session, "origin": of_key("another")})
        assert second.handle.run.continuation is Continuation.RESUMED
    assert first.handle.run.pid not in house.pids


async def test_settings_that_changed_within_a_folder_are_read_anew(house, tmp_path):
    rules = tmp_path / ".squatter" / "rules"
    rules.mkdir(parents=True)
    (rules / "some.rules").write_text("allow everything")
    await house.ask(**MINE)
    (rules / "some.rules").write_text("allow nothing at all")
    assert (await house.told(**MINE))[1] is Start.COLD


# Out of descriptors.


async def test_a_look_after_those_who_wait_fails_for_once_only(house):
    await house.ask()
    with no_descriptors():
        await house.pool.look_after()
    assert len(house.waiting) <= 1


async def test_a_turn_that_ends_then_loses_no_child(house):
    run = await house.stage.start("", "hello", backend="lodger", model=None, ephemeral=True)
    await run.first(events.RunStarted)
    with no_descriptors():
        await run.end()
    await house.settled()
    assert is_alive(run.handle.run.pid) == (run.handle.run.pid in house.pids)


async def test_one_that_was_started_ahead_is_not_lost_when_it_is_taken_then(house):
    first = await house.ask("one", **KEPT)
    (spare,) = [kept for kept in house.waiting if kept.turns == 0]
    want = await house.pool.prepare(Lodger(), first.handle.run.spec)
    house.pool._retire(next(kept for kept in house.waiting if kept.turns))
    with no_descriptors():
        lease = house.pool.lease(want, first.handle.runner.ticket, "then")
    assert lease.kept is spare
    await house.pool.discard(lease)
    assert not is_alive(spare.child.pid)
