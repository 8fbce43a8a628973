"""Files of the store that were cut short, overwritten, emptied or taken away."""

import logging
import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from clinvk.domain.errors import StoreUnavailable
from clinvk.domain.paging import SessionQuery
from tests.store.records import a_session, add_session, check_totals, on_thread, opened

FIRST, SECOND = "ses_folded", "ses_in_the_log"


@pytest.fixture
async def killed(home, tmp_path):
    """A home as a killed server leaves it: one session in the file, one in the log only."""
    async with opened(tmp_path / "living") as store:
        await add_session(store, a_session(FIRST))
        await on_thread(store, lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        await add_session(store, a_session(SECOND))
        shutil.copytree(tmp_path / "living", home)
    return home


async def found(home):
    """The sessions that a server finds there, which then has a store that works."""
    async with opened(home) as store:
        ids = {session.id for session in (await store.sessions(SessionQuery())).items}
        await add_session(store, a_session("ses_new"))
        await on_thread(store, check_totals)
        assert await on_thread(store, lambda db: db.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]
        assert store.failure is None
    return ids


def complaints(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


async def test_what_a_killed_server_left_is_whole(killed, caplog):
    assert await found(killed) == {FIRST, SECOND}
    assert complaints(caplog) == []


@pytest.mark.parametrize("left", [33, 100, -1, -5000])
async def test_a_log_that_was_cut_short_gives_what_was_committed_before(killed, left, caplog):
    log = killed / "clinvk.db-wal"
    os.truncate(log, left if left > 0 else log.stat().st_size + left)
    assert await found(killed) == {FIRST}
    assert complaints(caplog) == []


async def test_an_empty_log_is_none(killed):
    os.truncate(killed / "clinvk.db-wal", 0)
    assert await found(killed) == {FIRST}


@pytest.mark.parametrize("begin", [b"garbage!", b"\x00" * 8, b"\x37\x7f\x06\x82", b"x"])
async def test_a_log_that_is_none_is_set_aside_and_named(killed, begin, caplog):
    log = killed / "clinvk.db-wal"
    garbage = begin + b"\xa5" * 9000 if len(begin) > 1 else begin
    log.write_bytes(garbage)
    assert await found(killed) == {FIRST}
    assert (killed / "clinvk.db-damaged-1-wal").read_bytes() == garbage
    (said,) = complaints(caplog)
    assert f"{log} is no write-ahead log: it is kept as {killed}/clinvk.db-damaged-1-wal" in said


async def test_shared_memory_that_is_garbage_is_made_anew(killed, caplog):
    (killed / "clinvk.db-shm").write_bytes(os.urandom(32768))
    assert await found(killed) == {FIRST, SECOND}
    assert complaints(caplog) == []


async def test_an_empty_file_whose_log_is_not_is_set_aside_with_it(killed, caplog):
    log = (killed / "clinvk.db-wal").read_bytes()
    os.truncate(killed / "clinvk.db", 0)
    assert await found(killed) == set()
    assert (killed / "clinvk.db-damaged-1").read_bytes() == b""
    assert (killed / "clinvk.db-damaged-1-wal").read_bytes() == log
    (said,) = complaints(caplog)
    assert "it is empty, and its write-ahead log is not; it is kept as" in said


async def test_an_empty_file_is_a_new_store(home, caplog):
    home.mkdir()
    (home / "clinvk.db").touch()
    assert await found(home) == set()
    assert complaints(caplog) == []


async def test_a_file_that_was_cut_short_is_set_aside(killed, caplog):
    (killed / "clinvk.db-wal").unlink()
    os.truncate(killed / "clinvk.db", 4096 + 100)
    await found(killed)
    assert (killed / "clinvk.db-damaged-1").stat().st_size == 4096 + 100
    assert len(complaints(caplog)) == 1


async def test_a_file_that_is_taken_away_is_noticed_with_the_next_write(home, tmp_path):
    async with opened(home) as store:
        await add_session(store, a_session())
        home.rename(tmp_path / "elsewhere")
        with pytest.raises(StoreUnavailable, match="deleted or moved while the server ran"):
            await add_session(store, a_session("ses_2"))
        assert store.failure
        (tmp_path / "elsewhere").rename(home)
        await store.probe()
        await add_session(store, a_session("ses_3"))
        assert store.failure is None
    assert await found(home) == {"ses_1", "ses_3"}


async def test_a_file_that_was_replaced_is_not_taken_for_ours(home):
    async with opened(home) as store:
        await add_session(store, a_session())
        (home / "clinvk.db").unlink()
        with closing(sqlite3.connect(home / "clinvk.db")) as other:
            other.execute("CREATE TABLE recipes (name TEXT)")
        with pytest.raises(StoreUnavailable, match="deleted or moved"):
            await store.probe()
