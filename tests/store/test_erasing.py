"""What was removed is in no file any more when the call returns."""

import sqlite3
from contextlib import closing

import pytest

from clinvk.store.store import Store
from tests.store.records import a_run, a_session, add_session

SECRET = "the-secret"


@pytest.fixture
async def kept(store):
    """A session and a run of none that hold the secret, among others that do not."""
    for n in range(5):
        secret = SECRET if n == 2 else "anything"
        await add_session(store, a_session(f"ses_{n}", title=secret, last_used=n * 10.0))
        await store.end_run(a_run(f"run_{n}", session_id=f"ses_{n}", request=secret * 1000))
        await store.end_run(a_run(f"run_alone{n}", created_at=n * 10.0, view=secret.encode(), log_bytes=1))
    return store


def holders(home):
    """The files that hold the secret."""
    return {path.name for path in home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()}


async def remove_all(store: Store):
    await store.mark_for_deletion("ses_2")
    await store.remove_session("ses_2")
    assert len(await store.remove_oldest_runs(3)) == 3


async def expire_all(store: Store):
    await store.remove_session("ses_2")
    assert (await store.expire(25.0)).runs == ("run_alone0", "run_alone1", "run_alone2")


@pytest.mark.parametrize("remove", [remove_all, expire_all])
async def test_what_was_removed_is_in_no_file_once_the_call_returns(home, kept, remove):
    assert holders(home) == {"clinvk.db-wal"}
    await remove(kept)
    assert holders(home) == set()


async def test_what_had_reached_the_file_is_overwritten_there(home, kept):
    await kept.remove_session("ses_4")
    assert holders(home) == {"clinvk.db"}
    await remove_all(kept)
    assert holders(home) == set()


async def test_a_reader_in_the_way_is_told_and_the_next_removal_makes_up_for_it(home, kept, caplog):
    with closing(sqlite3.connect(f"file:{home}/clinvk.db?mode=ro", uri=True)) as other:
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM sessions").fetchone() == (5,)
        await remove_all(kept)
    told = f"what was deleted may still be found in {home}/clinvk.db-wal: another program reads the file"
    assert set(caplog.messages) == {told}
    assert holders(home) == {"clinvk.db-wal"}
    await kept.remove_session("ses_4")
    assert holders(home) == set()
    assert kept.failure is None
