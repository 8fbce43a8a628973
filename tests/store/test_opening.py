"""The store's files: whose they are, what is refused, and how an old one is brought up to date."""

import asyncio
import fcntl
import os
import re
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from clinvk.domain.errors import StoreUnavailable
from clinvk.store.database import APPLICATION_ID, MIGRATIONS, Database, migrate
from clinvk.store.store import Store
from tests.store.records import a_session, add_session, on_thread, opened


async def refusal(home):
    """Why a store cannot be had."""
    with pytest.raises(StoreUnavailable) as caught:
        await Store.open(home)
    return caught.value.reason


def contents(home):
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}


def modes(home):
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in home.iterdir()}


@pytest.fixture
def no_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
async def test_every_file_is_for_its_owner_alone_without_a_umask_too(home):
    async with opened(home) as store:
        await add_session(store, a_session())
        names = ("clinvk.db", "clinvk.db-wal", "clinvk.db-shm", "clinvk.db-lock")
        assert modes(home) == dict.fromkeys(names, "0o600")
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.usefixtures("no_umask")
async def test_a_file_that_others_could_read_is_closed_to_them(home):
    async with opened(home) as store:
        await add_session(store, a_session())
    (home / "clinvk.db").chmod(0o666)
    async with opened(home) as store:
        await add_session(store, a_session("ses_2"))
        assert set(modes(home).values()) == {"0o600"}


async def test_a_closed_store_is_one_file_and_its_lock(home):
    async with opened(home) as store:
        await add_session(store, a_session())
    assert set(contents(home)) == {"clinvk.db", "clinvk.db-lock"}


async def test_a_second_server_is_told_who_has_the_home(home, store):
    await add_session(store, a_session())
    assert re.match(rf"it is in use by another clinvk server, pid {os.getpid()}\b", await refusal(home))
    assert (await store.session("ses_1")).id == "ses_1"


async def test_a_closed_store_can_be_opened_again(home):
    for n in range(3):
        async with opened(home) as store:
            assert store.session_count == n
            await add_session(store, a_session(f"ses_{n}"))


async def test_two_homes_are_two_stores(tmp_path):
    async with opened(tmp_path / "a") as first, opened(tmp_path / "b") as second:
        await add_session(first, a_session())
        assert second.session_count == 0


async def test_a_store_that_could_not_be_opened_holds_no_lock(home):
    home.mkdir()
    (home / "clinvk.db").mkdir()
    await refusal(home)
    (home / "clinvk.db").rmdir()
    async with opened(home) as store:
        assert store.session_count == 0


async def test_giving_up_on_opening_lets_go_of_the_home(home):
    task = asyncio.ensure_future(Store.open(home))
    await asyncio.sleep(0)  # it has begun
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with opened(home) as store:
        assert store.session_count == 0


async def test_a_file_that_is_no_database_is_set_aside_and_named_and_a_fresh_one_begun(home, caplog):
    home.mkdir()
    (home / "clinvk.db").write_bytes(b"my holiday photographs\n" * 500)
    (home / "clinvk.db-damaged-1").write_bytes(b"of last year")
    async with opened(home) as store:
        await add_session(store, a_session())
        assert store.session_count == 1
    assert contents(home)["clinvk.db-damaged-2"] == b"my holiday photographs\n" * 500
    assert contents(home)["clinvk.db-damaged-1"] == b"of last year"
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said == (
        f"{home}/clinvk.db: file is not a database; it is kept as {home}/clinvk.db-damaged-2, and the store begins"
        " anew"
    )


async def test_the_database_of_another_program_is_refused_and_left_alone(home):
    home.mkdir()
    with closing(sqlite3.connect(home / "clinvk.db")) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    before = contents(home)["clinvk.db"]
    assert await refusal(home) == f"the file is the database of another program ({home}/clinvk.db)"
    assert contents(home)["clinvk.db"] == before


async def test_a_newer_clinvks_store_is_refused_and_left_alone(home):
    async with opened(home) as store:
        await add_session(store, a_session())
    newest = len(list(MIGRATIONS.glob("*.sql")))
    with closing(sqlite3.connect(home / "clinvk.db", isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {newest + 1}")
    before = contents(home)["clinvk.db"]
    assert await refusal(home) == (
        f"a newer clinvk wrote it, in version {newest + 1}; this one knows up to {newest}: upgrade clinvk"
        f" ({home}/clinvk.db)"
    )
    assert contents(home)["clinvk.db"] == before


async def test_a_damaged_file_is_a_failure_in_a_sentence_and_not_the_end(home):
    async with opened(home) as store:
        for n in range(200):
            await add_session(store, a_session(f"ses_{n:03}", title="x" * 500))
    with (home / "clinvk.db").open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)  # the first page stays: it says what this is
        file.write(b"\xff" * (size - 4096))
    damaged = contents(home)["clinvk.db"]
    async with opened(home) as store:
        assert store.session_count == 0
    assert contents(home)["clinvk.db-damaged-1"] == damaged


async def test_a_file_whose_totals_are_gone_is_refused(home):
    async with opened(home):
        pass
    with closing(sqlite3.connect(home / "clinvk.db")) as db:
        db.execute("DROP TABLE session_totals")
    assert await refusal(home) == "no such table: session_totals"


async def test_a_disk_that_keeps_no_write_ahead_log_is_refused(home, monkeypatch):
    real = sqlite3.connect  # a database in memory keeps none either
    monkeypatch.setattr("sqlite3.connect", lambda path, **given: real(":memory:", **given))
    assert "use a local disk" in await refusal(home)


async def test_a_folder_in_the_way_is_told(home):
    (home / "clinvk.db").mkdir(parents=True)
    assert await refusal(home) == f"{home}/clinvk.db: Is a directory"


async def test_a_file_where_the_home_should_be_is_told(home):
    home.write_text("")
    assert await refusal(home) == f"{home}: File exists"
    assert await refusal(home / "below") == f"{home}/below: Not a directory"


async def test_a_home_that_cannot_be_written_is_told():
    assert re.match(r"/proc/clinvk: ", await refusal(Path("/proc/clinvk")))  # not even root makes a folder there


async def test_somebody_who_reads_with_a_program_of_his_own_is_not_in_the_way(home, store):
    await add_session(store, a_session())
    with closing(sqlite3.connect(f"file:{home}/clinvk.db?mode=ro", uri=True)) as db:
        assert db.execute("SELECT id FROM sessions").fetchall() == [("ses_1",)]
        await add_session(store, a_session("ses_2"))


async def test_commits_are_safe_from_sigkill(store):
    def settings(db):
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert await on_thread(store, settings) == ["wal", 1]


def planted(folder, *scripts):
    """Migrations of a test's own behind the real ones."""
    shutil.copytree(MIGRATIONS, folder, dirs_exist_ok=True)
    number = len(list(MIGRATIONS.glob("*.sql")))
    for script in scripts:
        number += 1
        (folder / f"{number:04}_planted.sql").write_text(script)
    return folder


def version(db):
    return db.execute("PRAGMA user_version").fetchone()[0]


@pytest.mark.parametrize("first", range(1, len(list(MIGRATIONS.glob("*.sql"))) + 1))
def test_a_store_of_each_version_becomes_one_of_the_newest_with_its_sessions(home, tmp_path, first):
    old = tmp_path / "old"
    old.mkdir()
    for script in sorted(MIGRATIONS.glob("*.sql"))[:first]:
        shutil.copy(script, old)
    with closing(Database(home, old)) as database:
        assert version(database.connection) == first
        database.connection.execute(
            "INSERT INTO sessions (id, backend, workdir, created_at, last_used, status, turn_count, usage, tags,"
            " metadata) VALUES ('ses_1', 'demo', '/', 1, 2, 'completed', 3, '{}', '[]', '{}')"
        )
    newest = planted(tmp_path / "new", "ALTER TABLE sessions ADD COLUMN mood TEXT DEFAULT 'calm'; -- end")
    with closing(Database(home, newest)) as database:
        assert version(database.connection) == len(list(newest.glob("*.sql")))
        row = database.connection.execute("SELECT id, turn_count, mood FROM sessions").fetchone()
        assert row == ("ses_1", 3, "calm")
        assert database.connection.execute("SELECT amount FROM session_totals").fetchall() == [(1,)]


def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(home, tmp_path):
    known = len(list(MIGRATIONS.glob("*.sql")))
    good, bad = "CREATE TABLE good (a);", "CREATE TABLE bad (a); INSERT INTO nowhere VALUES (1);"
    folder = planted(tmp_path / "new", good, bad)
    with pytest.raises(StoreUnavailable, match="no such table: nowhere"):
        Database(home, folder)
    (folder / f"{known + 2:04}_planted.sql").write_text("CREATE TABLE bad (b);")
    with closing(Database(home, folder)) as database:
        assert version(database.connection) == known + 2
        assert database.connection.execute("SELECT b FROM bad").fetchall() == []


def test_migrating_what_is_up_to_date_writes_nothing(home):
    with closing(Database(home)) as database:
        before = database.connection.total_changes, version(database.connection)
        migrate(database.connection)
        assert (database.connection.total_changes, version(database.connection)) == before


def test_migrations_are_numbered_without_a_gap():
    numbers = [int(path.name[:4]) for path in sorted(MIGRATIONS.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_file_says_whose_it_is(home):
    with closing(Database(home)) as database:
        assert database.connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_child_that_is_started_does_not_inherit_the_lock(home):
    with closing(Database(home)) as database:
        assert fcntl.fcntl(database._lock, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
