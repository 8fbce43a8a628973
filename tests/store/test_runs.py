"""Runs, kept."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.domain.errors import RunNotFound
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import RunState
from clinvk.store import runs
from clinvk.store.records import Expired, RunRecord
from tests.store.records import a_run, a_session, add_session, in_memory, maybe, number, opened, text

FULL = RunRecord(
    id="run_01",
    backend="claude",
    state=RunState.FAILED,
    created_at=1767225600.125,
    view=b'{"id": "run_01"}\0\xff',
    session_id="ses_01",
    group_id="grp_01",
    finished_at=1767225601.5,
    request="why?\0 🛠",
    log_bytes=12345,
)


@st.composite
def any_run(draw):
    state = draw(st.sampled_from(RunState))
    return RunRecord(
        id=draw(text),
        backend=draw(text),
        state=state,
        created_at=draw(number),
        view=draw(st.binary()),
        session_id=draw(maybe),
        group_id=draw(maybe),
        finished_at=draw(number) if state.ended else None,
        request=draw(maybe),
        log_bytes=draw(st.integers(0, 2**40)),
    )


def test_the_full_run_has_no_field_at_its_default():
    plain = a_run()
    same = [one.name for one in fields(RunRecord) if getattr(FULL, one.name) == getattr(plain, one.name)]
    assert same == []


async def test_a_run_comes_back_as_it_was_after_a_restart_too(home):
    async with opened(home) as store:
        await store.end_run(FULL)
        assert await store.run(FULL.id) == FULL
    async with opened(home) as store:
        assert await store.run(FULL.id) == FULL
        assert store.log_bytes == FULL.log_bytes


@given(any_run(), any_run())
def test_any_run_comes_back_as_it_was_and_as_it_became(before, after):
    with in_memory() as db:
        runs.put(db, before)
        assert runs.get(db, before.id) == before
        changed = replace(after, id=before.id)
        runs.put(db, changed)
        assert runs.get(db, before.id) == changed


@pytest.mark.parametrize("state", RunState)
def test_a_run_has_a_time_of_its_end_if_it_has_ended_and_only_then(state):
    wrong = None if state.ended else 1.0
    with pytest.raises(ValueError, match=state.value):
        a_run(state=state, finished_at=wrong)


async def test_a_run_that_is_not_there_is_not_found(store):
    with pytest.raises(RunNotFound, match="run_2"):
        await store.run("run_2")


async def test_what_is_learned_after_a_runs_end_changes_its_view_and_nothing_else(store):
    await store.end_run(FULL)
    await store.end_run(a_run("run_02"))
    store.note_view(FULL.id, lambda: b"more")
    assert await store.run(FULL.id) == replace(FULL, view=b"more")
    assert await store.run("run_02") == a_run("run_02")


async def test_the_view_of_a_run_that_is_gone_is_not_kept(store):
    store.note_view("run_1", lambda: b"more")
    with pytest.raises(RunNotFound):
        await store.run("run_1")


async def test_a_page_leaves_the_requests_out(store):
    await store.end_run(FULL)
    assert (await store.runs(RunQuery())).items == (replace(FULL, request=None),)


async def test_the_runs_that_have_not_ended_are_found_whole(home):
    async with opened(home) as store:
        for state in RunState:
            await store.end_run(a_run(f"run_{state}", state, request=state.value))
    async with opened(home) as store:
        found = {run.id: run for run in await store.unended_runs()}
        live = [state for state in RunState if not state.ended]
        assert found == {f"run_{state}": a_run(f"run_{state}", state, request=state.value) for state in live}


async def test_logs_are_freed_from_the_oldest_end_until_it_is_enough(store):
    for n, (begun, size) in enumerate([(5.0, 30), (3.0, 20), (4.0, 0), (1.0, 10), (9.0, 40)]):
        await store.end_run(a_run(f"run_{n}", created_at=begun, log_bytes=size))
    await store.end_run(a_run("run_live", RunState.RUNNING, created_at=0.0, log_bytes=1000))
    assert store.log_bytes == 1100
    assert await store.remove_oldest_runs(0) == []
    assert await store.remove_oldest_runs(11) == ["run_3", "run_1"]
    assert store.log_bytes == 1070
    assert await store.remove_oldest_runs(30) == ["run_0"]
    with pytest.raises(RunNotFound):
        await store.run("run_0")
    assert (await store.run("run_2")).log_bytes == 0
    assert await store.remove_oldest_runs(10**6) == ["run_4"]
    assert store.log_bytes == 1000


async def all_expired(store, before, limit):
    """Every batch, as its caller would ask for them."""
    batches = []
    while batch := await store.expire(before, limit):
        batches.append(batch)
    return batches


async def test_runs_of_no_session_expire_in_batches_and_no_others(store):
    for n in range(7):
        await store.end_run(a_run(f"run_old{n}", created_at=float(n)))
    await store.end_run(a_run("run_new", created_at=99.0))
    await store.end_run(a_run("run_live", RunState.RUNNING, created_at=0.0))
    await store.end_run(a_run("run_kept", created_at=0.0, session_id="ses_1"))
    batches = await all_expired(store, before=100.0, limit=3)
    assert batches == [
        Expired(("run_old0", "run_old1", "run_old2")),
        Expired(("run_old3", "run_old4", "run_old5")),
        Expired(("run_old6",)),
    ]
    assert {run.id for run in (await store.runs(RunQuery())).items} == {"run_new", "run_live", "run_kept"}


async def test_sessions_that_nobody_used_are_marked_in_batches_and_no_others(store):
    for n in range(7):
        await add_session(store, a_session(f"ses_old{n}", last_used=float(n)))
    await add_session(store, a_session("ses_new", last_used=100.0))
    assert await all_expired(store, 100.0, 3) == [Expired(marked=3), Expired(marked=3), Expired(marked=1)]
    assert {one.id for one in await store.marked()} == {f"ses_old{n}" for n in range(7)}
    assert (await store.session("ses_new")).id == "ses_new"
    assert store.session_count == 1


async def test_a_session_in_use_keeps_its_oldest_runs(store):
    await add_session(store, a_session(last_used=100.0))
    await store.end_run(a_run(session_id="ses_1", created_at=1.0))
    assert not await store.expire(100.0)
    assert (await store.run("run_1")).id == "run_1"


async def test_a_session_that_is_under_way_never_expires(store):
    await add_session(store, a_session("ses_1", last_used=1.0, status="active"))
    await add_session(store, a_session("ses_2", last_used=1.0))
    await store.end_run(a_run(state=RunState.RUNNING, session_id="ses_2"))
    assert not await store.expire(100.0)
    assert store.session_count == 2


async def test_the_runs_of_an_expired_session_stay_until_it_is_removed(store):
    await add_session(store, a_session(last_used=1.0))
    await store.end_run(a_run(created_at=1.0, session_id="ses_1"))
    assert await store.expire(100.0) == Expired(marked=1)
    assert not await store.expire(100.0)
    assert await store.remove_session("ses_1") == ["run_1"]


async def test_what_is_exactly_as_old_as_the_border_stays(store):
    await add_session(store, a_session(last_used=100.0))
    await store.end_run(a_run(created_at=99.0))
    assert not await store.expire(100.0)
