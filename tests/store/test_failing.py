"""A disk that refuses, jobs that wait at the end, and callers who leave."""

import asyncio
import logging
import sqlite3
import threading

import pytest

from clinvk.domain.errors import SessionNotFound, StoreUnavailable
from clinvk.domain.paging import SessionQuery
from clinvk.domain.run import RunState
from clinvk.store.jobs import RecordTooLong
from clinvk.store.store import Store
from tests.store.records import DEADLINE, a_run, a_session, add_session, check_totals, on_thread, opened

FULL = "database or disk is full"


async def limit_pages(store, count):
    """Let the file have so many pages: more is what a full disk is."""
    await on_thread(store, lambda db: db.execute(f"PRAGMA max_page_count = {count}").fetchone())


async def fill(store):
    """Sessions until there is no more room; their ids."""
    await limit_pages(store, 1)  # SQLite takes what there is for it
    kept = []

    async def add():
        while True:
            await add_session(store, a_session(f"ses_{len(kept)}", title="x" * 3000))
            kept.append(f"ses_{len(kept)}")

    with pytest.raises(StoreUnavailable, match=FULL):
        await add()
    return kept


async def test_a_full_disk_is_told_and_nothing_half_is_kept(store):
    kept = await fill(store)
    assert store.failure == FULL
    assert store.session_count == len(kept)
    page = await store.sessions(SessionQuery(limit=2000))
    assert {session.id for session in page.items} == set(kept)
    await on_thread(store, check_totals)


async def test_a_full_disk_with_room_again_is_a_store_again(store):
    kept = await fill(store)
    await limit_pages(store, 100_000)
    await add_session(store, a_session("ses_new"))
    assert store.failure is None
    assert store.session_count == len(kept) + 1


async def test_a_probe_says_whether_there_is_room_again_and_leaves_nothing(store):
    await fill(store)
    with pytest.raises(StoreUnavailable, match=FULL):
        await store.probe()
    assert store.failure == FULL
    await limit_pages(store, 100_000)
    await store.probe()
    assert store.failure is None
    assert await on_thread(store, lambda db: db.execute("SELECT * FROM probes").fetchall()) == []


async def test_reading_works_on_a_full_disk_and_is_no_sign_of_room(store):
    await fill(store)
    assert (await store.sessions(SessionQuery())).items
    assert store.failure == FULL


async def test_nor_is_what_finds_nothing_to_write(store, caplog):
    """Of a run whose beginning was refused something is noted all the same."""
    await fill(store)
    caplog.clear()
    store.note_view("run_that_is_not_there", lambda: b"{}")
    await store.remove_oldest_runs(1)
    await store.sessions(SessionQuery())
    assert (store.failure, caplog.messages) == (FULL, [])


async def test_a_failure_is_logged_once_and_so_is_its_end(store, caplog):
    await fill(store)
    for n in range(3):
        with pytest.raises(StoreUnavailable):
            await add_session(store, a_session(f"ses_more{n}", title="x" * 3000))
        await store.sessions(SessionQuery())
    await limit_pages(store, 100_000)
    await add_session(store, a_session("ses_new"))
    assert caplog.record_tuples == [
        ("clinvk.store", logging.ERROR, f"the store fails: {FULL}"),
        ("clinvk.store", logging.WARNING, "the store works again"),
    ]


async def test_what_nobody_awaits_is_logged_if_the_disk_refuses_it(store, caplog):
    await add_session(store, a_session())
    await limit_pages(store, 1)
    store.bind_session("ses_1", "x" * 10**6)
    await store.sessions(SessionQuery())
    assert caplog.messages[-1].endswith(f"xxx: The session store is not available: {FULL}")
    assert store.failure == FULL


async def test_a_turns_end_that_finds_no_room_changes_neither_run_nor_session(store):
    session, run = a_session(status="active"), a_run(session_id="ses_1")
    await add_session(store, session)
    await store.end_run(run)
    await limit_pages(store, 1)
    with pytest.raises(StoreUnavailable):
        await store.end_run(a_run(session_id="ses_1", request="x" * 10**6), a_session(title="after"))
    assert await store.session("ses_1") == session
    assert await store.run("run_1") == run


async def test_an_answer_of_ours_does_not_hide_that_the_disk_is_full(store):
    await fill(store)
    with pytest.raises(SessionNotFound):
        await store.remove_session("nobody")
    assert store.failure == FULL


async def test_a_rollback_that_was_refused_is_made_up_for(store):
    await on_thread(store, lambda db: db.execute("BEGIN IMMEDIATE"))
    await on_thread(store, lambda db: db.execute("DELETE FROM sessions"))
    await add_session(store, a_session())
    assert store.session_count == 1


async def test_a_mistake_of_ours_ends_neither_the_thread_nor_a_transaction(store):
    def work(db):
        db.execute("DELETE FROM sessions")
        raise ZeroDivisionError

    await add_session(store, a_session())
    with pytest.raises(ZeroDivisionError):
        await on_thread(store, work, writes=True)
    assert (await store.session("ses_1")).id == "ses_1"
    assert store.failure is None


async def test_a_mistake_of_ours_in_what_nobody_awaits_is_logged_with_its_trace(store, caplog):
    store.bind_session("ses_1", 2**70)  # SQLite has no such number
    await store.sessions(SessionQuery())
    (record,) = caplog.records
    assert record.getMessage() == f"ses_1 was not bound to {2**70}"
    assert record.exc_info[0] is OverflowError


async def test_text_that_is_none_is_a_mistake_of_ours(store):
    with pytest.raises(UnicodeEncodeError):
        await add_session(store, a_session(title="\ud800"))
    assert store.failure is None
    assert store.session_count == 0


async def test_a_record_that_is_too_long_is_no_failure_of_the_store(store, caplog):
    await on_thread(store, lambda db: db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000))
    await store.begin_run(a_run(state=RunState.RUNNING))
    with pytest.raises(RecordTooLong, match="string or blob too big"):
        await store.end_run(a_run(request="x" * 100_001))
    with pytest.raises(RecordTooLong):  # each value has its place, the row has none
        await store.end_run(a_run(request="x" * 60_000, view=b"x" * 60_000))
    assert (store.failure, caplog.messages) == (None, [])
    assert (await store.run("run_1")).state is RunState.RUNNING


class Gate:
    """Work that waits until it is let through."""

    def __init__(self, store):
        self.reached = threading.Event()
        self.open = threading.Event()
        self.done = store._worker.submit(self._wait, writes=False)

    def _wait(self, db):
        self.reached.set()
        assert self.open.wait(DEADLINE)


async def test_closing_finishes_what_was_submitted(home):
    store = await Store.open(home)
    gate = Gate(store)
    waiting = [asyncio.ensure_future(add_session(store, a_session(f"ses_{n}"))) for n in range(20)]
    await asyncio.sleep(0)  # they are submitted
    store.bind_session("ses_7", "native")
    closing = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.wait_for(asyncio.gather(closing, *waiting), DEADLINE)
    async with opened(home) as store:
        assert store.session_count == 20
        assert (await store.session("ses_7")).backend_session_id == "native"


async def test_closing_twice_does_no_harm_and_both_wait_for_the_end(home):
    store = await Store.open(home)
    await asyncio.gather(store.close(), store.close())
    await store.close()
    async with opened(home):
        pass


async def test_a_closed_store_says_so(home, caplog):
    async with opened(home) as store:
        pass
    with pytest.raises(StoreUnavailable, match="it is closed"):
        await add_session(store, a_session())
    store.bind_session("ses_1", "native")
    await asyncio.sleep(0)
    assert caplog.messages == ["ses_1 was not bound to native: The session store is not available: it is closed"]


async def test_a_caller_who_leaves_does_not_undo_what_he_asked_for(store):
    gate = Gate(store)
    leaving = asyncio.ensure_future(add_session(store, a_session()))
    await asyncio.sleep(0)  # it is submitted
    leaving.cancel()
    gate.open.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await store.session("ses_1")).id == "ses_1"
    assert store.session_count == 1


async def test_the_loop_goes_on_while_the_disk_does_not(store):
    gate = Gate(store)
    await asyncio.to_thread(gate.reached.wait, DEADLINE)
    assert not gate.done.done()
    gate.open.set()
    await asyncio.wait_for(gate.done, DEADLINE)


def test_a_loop_that_ended_without_closing_does_not_end_the_thread_before_its_work(home):
    async def leave():
        store = await Store.open(home)
        await add_session(store, a_session())
        gate = Gate(store)
        await asyncio.to_thread(gate.reached.wait, DEADLINE)
        store.bind_session("ses_1", "native")
        return store, gate

    store, gate = asyncio.run(leave())
    gate.open.set()
    store._worker._jobs.put(None)
    store._worker._thread.join(DEADLINE)

    async def look():
        async with opened(home) as after:
            assert (await after.session("ses_1")).backend_session_id == "native"

    asyncio.run(look())
