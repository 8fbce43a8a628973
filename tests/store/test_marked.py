"""Sessions that are marked for deletion: gone to everybody, and not yet to the store."""

import pytest
from hypothesis import strategies as st

from clinvk.domain.errors import SessionNotFound
from clinvk.domain.paging import Page, SessionQuery
from clinvk.domain.session import Session, SessionStatus
from clinvk.domain.usage import Usage
from tests.store.records import (
    a_run,
    a_session,
    add_session,
    count,
    maybe,
    number,
    opened,
    text,
)

FULL = Session(
    id="ses_01",
    backend="codex",
    workdir="/srv/Ünïcode 文件",
    created_at=1767225600.125,
    last_used=1767225660.25,
    model="gpt-5",
    title="Make it\nwork 🛠",
    initial_prompt="Make it work, and\tthen 'fast'; DROP TABLE sessions --",
    status=SessionStatus.PAUSED,
    turn_count=7,
    usage=Usage(1, 2, 3, 4, 5, 0.1 + 0.2),
    tags=("a", "b", "a"),
    metadata={"z": "last", "a": "first", "": ""},
    backend_session_id="019a-bc",
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
