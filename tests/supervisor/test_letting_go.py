"""What belongs to a conversation goes when it should: not before its child is done with it, and not never."""

import asyncio
import threading

import pytest

from clinvk.backends.base import Place, Residue
from clinvk.domain.errors import SessionBusy, SessionNotFound, StoreUnavailable
from clinvk.domain.run import RunState, StopCause
from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.sessions import SessionOptions
from tests.conftest import DEADLINE, FakeBackend

LOST = "01a1fbf0-0000-7000-8000-000000000000"


@pytest.fixture
async def kept(new_stage, tmp_path):
    """A stage whose runs are kept."""
    home = tmp_path / "home"
    return new_stage(keeping=Keeping(Spool(home / "runs"), await Store.open(home), SessionOptions()))


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """A folder where the fake CLI is said to keep its conversations."""
    folder = tmp_path / "conversations"
    folder.mkdir()
    place = Place("HOME", folder.name)
    monkeypatch.setattr(FakeBackend, "stored", lambda self, id_: (Residue(f"{id_}*", id_, (place,)),))
    return folder


async def refuse_writes(store, *, really=True):
    """What a full disk does, or one with room again."""
    await store._read(lambda db: db.execute(f"PRAGMA query_only = {'ON' if really else 'OFF'}"))


async def until(true):
    """When something that nobody tells is so."""
    async with asyncio.timeout(DEADLINE):
        while not true():
            await asyncio.sleep(0)


async def test_what_a_cli_keeps_is_not_deleted_while_a_child_still_writes_it(stage):
    run = await stage.start("bound done")
    await run.end()
    assert run.handle.run.exit is None, "the answer does not wait for the child's end"
    supervisor = stage.supervisor
    await supervisor.pool.forget(supervisor.registry.get("fake"), "kept")
    assert run.handle.run.exit is not None


async def test_a_conversation_that_was_lost_is_forgotten_once_another_was_begun(stage, copies):
    for name in (LOST, "another", "a-new-one"):
        (copies / name).write_text(name)
    run = await stage.start("forgetful", resume=LOST, fresh_if_lost=True)
    await run.end()
    await until(lambda: not (copies / LOST).exists())
    assert sorted(path.name for path in copies.iterdir()) == ["a-new-one", "another"]


async def test_a_conversation_that_went_on_or_failed_is_not_forgotten(stage, copies):
    for name in (LOST, "kept"):
        (copies / name).write_text(name)
    for fault, conversation in (("forgetful", LOST), ("bound done", "kept")):
        run = await stage.start(fault, resume=conversation)
        await run.end()
    await stage.all_gone()
    assert sorted(path.name for path in copies.iterdir()) == [LOST, "kept"]


async def test_a_session_that_could_not_be_deleted_takes_turns_and_can_be_deleted_later(kept):
    supervisor = kept.supervisor
    store = supervisor.sessions.store
    first = await kept.demo("hello", ephemeral=False)
    await first.end()
    session_id = first.handle.run.spec.session_id
    await refuse_writes(store)
    with pytest.raises(StoreUnavailable):
        await supervisor.keeper.delete(session_id)
    await refuse_writes(store, really=False)
    second = await kept.demo("hello", ephemeral=False, session_id=session_id)
    assert (await second.end()).state is RunState.COMPLETED
    assert await supervisor.keeper.delete(session_id) == ()
    with pytest.raises(SessionNotFound):
        await store.session(session_id)


async def test_a_session_with_a_turn_under_way_is_not_deleted_and_goes_on(kept):
    run = await kept.demo("/hang", ephemeral=False)
    session_id = run.handle.run.spec.session_id
    with pytest.raises(SessionBusy):
        await kept.supervisor.keeper.delete(session_id)
    assert (await kept.supervisor.sessions.store.session(session_id)).id == session_id


async def test_a_run_that_was_being_taken_when_the_drain_began_is_stopped(kept):
    supervisor, begun, gate = kept.supervisor, threading.Event(), threading.Event()
    store = supervisor.sessions.store
    blocked = asyncio.ensure_future(store._read(lambda db: (begun.set(), gate.wait(DEADLINE))))
    await until(begun.is_set)  # or it would be what waits
    taking = asyncio.ensure_future(kept.demo("hello", ephemeral=False))
    await until(store._worker._jobs.qsize)  # its begin waits to be written down
    draining = asyncio.ensure_future(supervisor.drain(0))
    await until(lambda: supervisor.draining)
    gate.set()
    run = await taking
    judgement = await run.end()
    assert (judgement.state, run.handle.run.stop.cause) == (RunState.CANCELLED, StopCause.SHUTDOWN)
    assert run.handle.run.pid is None
    await asyncio.gather(blocked, draining)


async def test_a_deletion_and_a_tidying_at_once_are_one_deletion(kept):
    supervisor = kept.supervisor
    run = await kept.demo("hello", ephemeral=False)
    await run.end()
    session_id = run.handle.run.spec.session_id
    left, _ = await asyncio.gather(supervisor.keeper.delete(session_id), supervisor.keeper.tidy())
    assert left == ()
    assert await supervisor.sessions.store.marked() == []
