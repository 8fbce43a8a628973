"""Writes that wait are committed together; notes are written soon, or not at all."""

import asyncio
import contextlib
import threading

import pytest

from clinvk.domain.errors import SessionNotFound
from clinvk.domain.run import RunState
from clinvk.store import sessions
from tests.store.records import DEADLINE, a_run, a_session, add_session, on_thread

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def held(store):
    """The thread waits meanwhile; afterwards it does what was submitted."""
    let_through = threading.Event()
    waiting = store._worker.submit(lambda _: let_through.wait(DEADLINE), writes=False)
    try:
        yield
    finally:
        let_through.set()
        await waiting


@contextlib.asynccontextmanager
async def statements(store):
    """What the thread executes meanwhile."""
    found = []
    await on_thread(store, lambda db: db.set_trace_callback(found.append))
    yield found
    await on_thread(store, lambda db: db.set_trace_callback(None))


def add(store, id_):
    return asyncio.ensure_future(add_session(store, a_session(id_)))


async def test_writes_that_wait_are_committed_together(store):
    async with statements(store) as executed:
        async with held(store):
            adding = [add(store, f"ses_{number}") for number in range(5)]
            await asyncio.sleep(0)  # they are submitted
        await asyncio.gather(*adding)
    assert (executed.count("BEGIN IMMEDIATE"), executed.count("COMMIT")) == (1, 1)
    assert store.session_count == 5


async def test_one_that_fails_takes_none_of_the_others_with_it(store):
    async with held(store):
        before, again, after = add(store, "ses_1"), add(store, "ses_1"), add(store, "ses_2")
        missing = asyncio.ensure_future(
            on_thread(store, lambda db: sessions.save(db, a_session("ses_3")), writes=True)
        )
        await asyncio.sleep(0)
    told = await asyncio.gather(before, again, after, missing, return_exceptions=True)
    assert [type(one).__name__ for one in told] == ["NoneType", "IntegrityError", "NoneType", "SessionNotFound"]
    assert store.session_count == 2
    assert store.failure is None


async def test_a_read_among_them_sees_those_before_it_only(store):
    async with held(store):
        first = add(store, "ses_1")
        await asyncio.sleep(0)
        reading = asyncio.ensure_future(store.session("ses_2"))
        await asyncio.sleep(0)
        second = add(store, "ses_2")
        await asyncio.sleep(0)
    with pytest.raises(SessionNotFound):
        await reading
    await asyncio.gather(first, second)
    assert store.session_count == 2


async def test_a_note_is_written_by_itself_in_a_moment(store):
    await store.begin_run(a_run(state=RunState.RUNNING))
    written = store._worker.note("run_1", lambda: lambda db: db.execute("UPDATE runs SET view = 'noted'"))
    await asyncio.wait_for(written, DEADLINE)
    assert (await store.run("run_1")).view == "noted"


async def test_of_two_notes_about_the_same_the_later_is_written_as_things_are_by_then(store):
    await store.begin_run(a_run(state=RunState.RUNNING))
    view = b"too early"
    store.note_view("run_1", lambda: b"the first")
    store.note_view("run_1", lambda: view)
    view = b"the second"
    async with statements(store) as executed:
        assert (await store.run("run_1")).view == b"the second"
    assert len([one for one in executed if one.startswith("UPDATE runs")]) == 0  # it was written before that


async def test_what_the_end_of_a_run_says_is_not_written_before_it(store):
    session = a_session(backend_session_id=None)
    await store.begin_run(a_run(state=RunState.RUNNING, session_id=session.id), session, is_new=True)
    async with statements(store) as executed:
        async with held(store):
            store.note_view("run_1", lambda: b"it runs")
            store.bind_session(session.id, "native")
            ending = asyncio.ensure_future(
                store.end_run(a_run(session_id=session.id), a_session(backend_session_id="native"))
            )
            await asyncio.sleep(0)
        await ending
    assert not [
        one for one in executed if "it runs" in one or one.startswith("UPDATE sessions SET backend_session")
    ]
    assert (await store.session(session.id)).backend_session_id == "native"
    assert (await store.run("run_1")).view == a_run().view


async def test_a_note_about_another_run_is_not_lost_by_that(store):
    await store.begin_run(a_run(state=RunState.RUNNING))
    await store.begin_run(a_run("run_2", state=RunState.RUNNING))
    store.note_view("run_1", lambda: b"it runs")
    await store.end_run(a_run("run_2"))
    assert (await store.run("run_1")).view == b"it runs"
