"""Sessions, kept."""

import sqlite3
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.domain.errors import RunNotFound, SessionAmbiguous, SessionNotFound
from clinvk.domain.paging import SessionQuery
from clinvk.domain.run import RunState
from clinvk.domain.session import Session, SessionStatus
from clinvk.domain.usage import Usage
from clinvk.store import sessions
from tests.store.records import (
    FULL,
    a_run,
    a_session,
    add_session,
    count,
    in_memory,
    maybe,
    number,
    on_thread,
    opened,
    text,
)

any_session = st.builds(
    Session,
    id=text,
    backend=text,
    workdir=text,
    created_at=number,
    last_used=number,
    model=maybe,
    title=maybe,
    initial_prompt=maybe,
    status=st.sampled_from(SessionStatus),
    turn_count=count,
    # A CLI may claim more tokens than SQLite has numbers for.
    usage=st.builds(Usage, *[st.integers(0, 2**70)] * 5, st.none() | number),
    tags=st.lists(text, max_size=3).map(tuple),
    metadata=st.dictionaries(text, text, max_size=3),
    backend_session_id=maybe,
)


def test_the_full_session_has_no_field_at_its_default():
    plain = a_session()
    assert [one.name for one in fields(Session) if getattr(FULL, one.name) == getattr(plain, one.name)] == []


async def test_a_session_comes_back_as_it_was_after_a_restart_too(home):
    async with opened(home) as store:
        await add_session(store, FULL)
        assert await store.session(FULL.id) == FULL
    async with opened(home) as store:
        kept = await store.session(FULL.id)
    assert kept == FULL
    assert list(kept.metadata) == ["z", "a", ""]


@given(st.lists(any_session, unique_by=lambda session: session.id, min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was(made):
    with in_memory() as db:
        for session in made:
            sessions.add(db, session)
        for session in made:
            assert sessions.get(db, session.id) == session
        assert sessions.page(db, SessionQuery()).total == len(made)


async def test_text_with_a_nul_in_it_is_kept_and_found_whole(store):
    await add_session(store, a_session("ses_a\0b", backend="x\0y", title="before\0after"))
    assert (await store.session_like("ses_a\0")).title == "before\0after"
    assert (await store.sessions(SessionQuery(backend="x\0y"))).total == 1
    assert (await store.sessions(SessionQuery(backend="x"))).total == 0


async def test_a_turn_keeps_every_field_as_it_is_now(store):
    await add_session(store, a_session(FULL.id))
    await store.begin_run(a_run(session_id=FULL.id), FULL)
    assert await store.session(FULL.id) == FULL
    plain = a_session(FULL.id)
    await store.end_run(a_run(session_id=FULL.id), plain)
    assert await store.session(FULL.id) == plain


async def test_a_turn_touches_no_other_session(store):
    other = a_session("ses_2")
    await add_session(store, a_session("ses_1"))
    await add_session(store, other)
    await store.begin_run(a_run(session_id="ses_1"), a_session("ses_1", title="mine"))
    assert await store.session("ses_2") == other


@pytest.mark.parametrize("ask", ["session", "session_like", "mark_for_deletion", "remove_session"])
async def test_what_is_not_there_is_not_found(store, ask):
    await add_session(store, a_session("ses_1"))
    with pytest.raises(SessionNotFound, match="ses_2"):
        await getattr(store, ask)("ses_2")


async def test_an_id_given_twice_is_our_mistake_and_not_the_disks(store):
    await add_session(store, a_session(title="first"))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await add_session(store, a_session(title="second"))
    assert store.failure is None
    assert (await store.session("ses_1")).title == "first"


async def test_a_binding_is_seen_by_whatever_is_asked_after_it(store):
    await add_session(store, a_session())
    store.bind_session("ses_1", "native-1")
    assert (await store.session("ses_1")).backend_session_id == "native-1"


async def test_a_binding_of_what_is_gone_is_told_in_the_log_and_is_no_failure(store, caplog):
    store.bind_session("ses_1", "native-1")
    with pytest.raises(SessionNotFound):
        await store.session("ses_1")
    assert caplog.messages == ["ses_1 was not bound to native-1: There is no session 'ses_1'"]
    assert store.failure is None


async def test_a_prefix_finds_the_only_session_that_begins_so(store):
    for id_ in ("ses_1a", "ses_1b", "ses_2c", "sesx"):
        await add_session(store, a_session(id_))
    assert (await store.session_like("ses_1a")).id == "ses_1a"
    assert (await store.session_like("ses_2")).id == "ses_2c"
    with pytest.raises(SessionAmbiguous, match="ses_1"):
        await store.session_like("ses_1")


async def test_a_whole_id_is_that_session_although_others_begin_so(store):
    for id_ in ("ses_1", "ses_10", "ses_100"):
        await add_session(store, a_session(id_))
    assert (await store.session_like("ses_1")).id == "ses_1"
    assert (await store.session_like("ses_10")).id == "ses_10"


@pytest.mark.parametrize("prefix", ["%", "_", "ses%", "ses__", "SES_1", "*", "ses_1*", "?", "", "ses_1 "])
async def test_a_prefix_is_text_and_no_pattern(store, prefix):
    await add_session(store, a_session("ses_1"))
    with pytest.raises(SessionNotFound):
        await store.session_like(prefix)


async def test_signs_of_patterns_are_found_where_they_are_meant(store):
    for id_ in ("a%b", "axb", "\U0010ffff1", "\ud7ff1"):
        await add_session(store, a_session(id_))
        assert (await store.session_like(id_[:2])).id == id_


async def test_a_prefix_is_looked_up_in_the_index_of_ids(store):
    seen = []

    def work(db):
        db.set_trace_callback(seen.append)
        with pytest.raises(SessionNotFound):
            sessions.like(db, "ses_1")
        db.set_trace_callback(None)
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {seen[0]}")]

    plan = await on_thread(store, work)
    assert plan == ["SEARCH sessions USING INDEX sqlite_autoindex_sessions_1 (id>?)"]


async def test_the_newest_session_is_that_of_the_backend_in_the_folder(store):
    for id_, backend, workdir, used in (
        ("ses_1", "demo", "/a", 5.0),
        ("ses_2", "demo", "/a", 7.0),
        ("ses_3", "demo", "/b", 9.0),
        ("ses_4", "codex", "/a", 9.0),
    ):
        await add_session(store, a_session(id_, backend=backend, workdir=workdir, last_used=used))
    assert (await store.newest_session("demo", "/a")).id == "ses_2"
    assert (await store.newest_session("codex", "/a")).id == "ses_4"
    assert await store.newest_session("codex", "/b") is None
    assert await store.newest_session("demo", "/A") is None


async def test_removing_takes_the_sessions_runs_along_and_no_others(store):
    await add_session(store, a_session("ses_1"))
    await add_session(store, a_session("ses_2"))
    for n, session_id in enumerate(["ses_1", "ses_2", None, "ses_1"]):
        await store.end_run(a_run(f"run_{n}", session_id=session_id))
    assert sorted(await store.remove_session("ses_1")) == ["run_0", "run_3"]
    assert store.session_count == 1
    assert (await store.session("ses_2")).id == "ses_2"
    assert {(await store.run(f"run_{n}")).id for n in (1, 2)} == {"run_1", "run_2"}


async def test_a_session_whose_runs_cannot_be_removed_stays_whole(store):
    session, run = a_session(), a_run(session_id="ses_1")
    await add_session(store, session)
    await store.end_run(run)
    forbidden = "CREATE TEMP TRIGGER no BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    await on_thread(store, lambda db: db.execute(forbidden))
    with pytest.raises(sqlite3.IntegrityError, match="not this one"):
        await store.remove_session("ses_1")
    assert await store.session("ses_1") == session
    assert await store.run("run_1") == run


async def test_the_begin_of_a_turn_is_kept_with_its_session_new_or_not(store):
    first, second = a_session(status=SessionStatus.ACTIVE), a_session(turn_count=2)
    run = a_run(session_id=first.id, state=RunState.QUEUED)
    await store.begin_run(run, first, is_new=True)
    assert await store.session(first.id) == first
    assert await store.run(run.id) == run
    await store.begin_run(replace(run, id="run_2"), second)
    assert await store.session(first.id) == second
    await store.begin_run(replace(run, id="run_3", session_id=None))
    assert (await store.run("run_3")).session_id is None


async def test_a_turn_of_a_session_that_is_gone_does_not_begin(store):
    with pytest.raises(SessionNotFound):
        await store.begin_run(a_run(session_id="ses_1"), a_session())
    with pytest.raises(RunNotFound):
        await store.run("run_1")


async def test_the_end_of_a_turn_is_kept_with_its_session(store):
    session = a_session(status=SessionStatus.ACTIVE)
    await add_session(store, session)
    run = a_run(session_id=session.id, state=RunState.RUNNING)
    await store.end_run(run)
    ended = session.turn_ended(20.0, RunState.COMPLETED, Usage(5, 6))
    final = replace(run, state=RunState.COMPLETED, finished_at=20.0)
    await store.end_run(final, ended)
    assert await store.session(session.id) == ended
    assert await store.run(run.id) == final


async def test_the_end_of_a_turn_does_not_bring_back_a_session_that_was_removed(store):
    run = a_run(session_id="ses_1")
    await store.end_run(run, a_session())
    assert await store.run(run.id) == replace(run, session_id=None)  # which expires as such
    assert store.session_count == 0
