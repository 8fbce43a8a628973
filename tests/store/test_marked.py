"""Sessions that are marked for deletion: gone to everybody, and not yet to the store."""

import pytest

from clinvk.domain.errors import SessionNotFound
from clinvk.domain.paging import Page, SessionQuery
from tests.store.records import (
    FULL,
    a_run,
    a_session,
    add_session,
    opened,
)


async def test_a_marked_session_is_given_as_it_was_and_kept_to_be_removed_after_a_restart_too(home):
    async with opened(home) as store:
        await add_session(store, FULL)
        assert await store.mark_for_deletion(FULL.id) == FULL
        assert await store.marked() == [FULL]
    async with opened(home) as store:
        assert await store.marked() == [FULL]
        await store.remove_session(FULL.id)
        assert await store.marked() == []


async def test_a_marked_session_is_neither_found_nor_counted(store):
    await add_session(store, a_session())
    await store.mark_for_deletion("ses_1")
    for ask in (store.session, store.session_like, store.mark_for_deletion):
        with pytest.raises(SessionNotFound, match="ses_1"):
            await ask("ses_1")
    assert await store.newest_session("demo", "/srv/app") is None
    assert await store.sessions(SessionQuery()) == Page((), 0)
    assert store.session_count == 0


async def test_a_marked_session_takes_its_runs_along_when_it_is_removed_and_not_before(store):
    await add_session(store, a_session())
    await store.end_run(a_run(session_id="ses_1"))
    await store.mark_for_deletion("ses_1")
    assert (await store.run("run_1")).id == "run_1"
    assert await store.remove_session("ses_1") == ["run_1"]
    with pytest.raises(SessionNotFound):
        await store.remove_session("ses_1")


async def test_no_turn_changes_a_marked_session_or_brings_it_back(store, caplog):
    session, run = a_session(), a_run(session_id="ses_1")
    await add_session(store, session)
    await store.mark_for_deletion("ses_1")
    with pytest.raises(SessionNotFound):
        await store.begin_run(run, a_session(title="after"))
    await store.end_run(run, a_session(title="after"))
    store.bind_session("ses_1", "native")
    assert await store.marked() == [session]
    assert await store.remove_session("ses_1") == ["run_1"]


async def test_marked_sessions_are_told_in_the_order_in_which_they_were_marked(store):
    for id_ in ("ses_2", "ses_3", "ses_1"):
        await add_session(store, a_session(id_))
        await store.mark_for_deletion(id_)
    assert [session.id for session in await store.marked()] == ["ses_2", "ses_3", "ses_1"]
    assert [session.id for session in await store.marked(2)] == ["ses_2", "ses_3"]
