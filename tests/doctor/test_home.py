"""The home folder, the store in it, and what they lie on."""

import os
import sqlite3

import pytest

from clinvk.doctor import home, mounts
from clinvk.doctor.mounts import Mount
from clinvk.store.database import FILE, Database

GIB = 1 << 30


@pytest.fixture
def found(machine):
    return lambda: machine.found(home.findings)


@pytest.fixture
def store(machine):
    """The store of a server that has ended."""
    machine.home.mkdir(mode=0o700)
    Database(machine.home).close()
    return machine.home / FILE


def test_a_home_that_is_not_there_is_made_by_the_first_start_and_not_by_us(found, machine):
    assert found().one("home-folder").message == f"{machine.home} is not there yet; the first start makes it"
    assert not machine.home.exists()


def test_a_home_that_cannot_be_made_is_a_problem(found, machine):
    machine.set(CLINVK_HOME="/dev/null/clinvk")
    assert found().level("home-folder") == "problem"


def test_a_file_in_the_place_of_the_home_is_a_problem(found, machine):
    machine.file(".clinvk", "")
    assert found().one("home-folder").message == f"{machine.home} is no folder"


@pytest.mark.parametrize(
    ("mode", "levels"), [(0o700, []), (0o750, ["warning"]), (0o770, ["problem"]), (0o702, ["problem"])]
)
def test_what_others_may_do_in_the_home_is_told(found, machine, mode, levels):
    machine.home.mkdir()
    machine.home.chmod(mode)
    assert [str(each.level) for each in found().of("home-mode")] == levels


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_home_of_another_user_is_a_problem(found, machine):
    machine.home.mkdir(mode=0o700)
    os.chown(machine.home, 4711, 4711)
    assert found().level("home-folder") == "problem"


def test_a_store_is_opened_and_neither_changed_nor_locked(found, store):
    before = {path.name: path.stat().st_mtime_ns for path in store.parent.iterdir()}
    finding = found().one("home-store")
    assert (finding.level, "opens, in version" in finding.message) == ("ok", True)
    assert {path.name: path.stat().st_mtime_ns for path in store.parent.iterdir()} == before


def test_a_store_in_use_is_looked_at_all_the_same(found, machine):
    machine.home.mkdir(mode=0o700)
    held = Database(machine.home)
    try:
        assert found().level("home-store") == "ok"
    finally:
        held.close()


def test_a_store_of_a_newer_clinvk_is_a_problem(found, store):
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    finding = found().one("home-store-newer")
    assert (finding.level, "in version 999" in finding.message) == ("problem", True)


def test_a_store_of_an_older_clinvk_is_a_note(found, store):
    with sqlite3.connect(store) as db:
        (newest,) = db.execute("PRAGMA user_version").fetchone()
        db.execute(f"PRAGMA user_version = {newest - 1}")
    db.close()
    assert found().level("home-store") == "note"


def test_the_database_of_another_program_is_a_problem(found, store):
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA application_id = 42")
    db.close()
    assert "of another program" in found().one("home-store").message


def test_a_store_that_is_no_database_is_a_problem(found, store):
    store.write_bytes(b"31337" * 1000)
    told = found()
    assert told.level("home-store") == "problem"
    assert "31337" not in str(told)


def test_a_store_that_others_may_read_is_a_warning(found, store):
    store.chmod(0o644)
    assert found().level("home-store-mode") == "warning"


@pytest.mark.parametrize(("free", "level"), [(2 * GIB, "ok"), (GIB // 2, "warning"), (GIB // 20, "problem")])
def test_room_is_judged(found, monkeypatch, free, level):
    monkeypatch.setattr(home.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert found().level("home-space") == level


def test_a_network_file_system_is_a_warning(found, machine, monkeypatch):
    assert found().of("home-network") == []
    table = [Mount("/", "ext4", ()), Mount(os.path.realpath(machine.user), "nfs4", ())]
    monkeypatch.setattr(mounts, "table", lambda: table)
    assert "nfs4" in found().one("home-network").message


def test_the_mount_of_a_path_is_the_nearest_and_the_newest(tmp_path):
    file = tmp_path / "mountinfo"
    file.write_text(
        "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
        "2 1 0:2 / /home\\040of rw - nfs server:/a rw,vers=4\n"
        "3 1 0:3 / /home\\040of rw,nosuid shared:1 - cifs //b rw\n"
        "4 1 0:4 / /home rw - tmpfs tmpfs rw\nnonsense\n"
    )
    table = mounts.table(file)
    assert len(table) == 4
    assert mounts.holding(file.__class__("/home of/x"), table) == Mount("/home of", "cifs", ("rw", "nosuid", "rw"))
    assert mounts.holding(file.__class__("/home-of"), table).kind == "ext4"
    assert mounts.table(tmp_path / "nothing") == []
