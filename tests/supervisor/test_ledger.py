"""The ledger as it is written: as short as what matters, where its folder is, and never in the way of a run."""

import os
import signal

from clinvk import processes
from clinvk.backends.base import Command
from clinvk.supervisor import errand
from clinvk.supervisor import ledger as module
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.ledger import ANYBODYS, NAME, Ledger
from tests.conftest import DEADLINE
from tests.supervisor.leftovers import MINE, wait_for


def test_where_the_groups_are_moves_with_its_folder(tmp_path):
    ledger = Ledger(str(tmp_path / "tidied away"))
    ledger.note_groups("/groups/clinvk-0-abc")
    ledger.move(str(tmp_path))
    assert (tmp_path / module.GROUPS).read_text() == "/groups/clinvk-0-abc"
    ledger.close()


def test_what_was_anybodys_and_is_gone_is_written_no_more(tmp_path, started):
    gone, there = started(), started()
    ledger = Ledger(str(tmp_path))
    for one in (gone, there):
        ledger.add(ANYBODYS, processes.read(one.pid))
    gone.kill()
    gone.wait()
    ledger.move(str(tmp_path))
    ledger.note(MINE)
    ledger.close()
    assert [entry.pid for entry in module._read(tmp_path / NAME)] == [there.pid, 0]


def test_it_is_written_anew_when_it_is_long(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 500)
    ledger = Ledger(str(tmp_path))
    ledger.note("run_that_lives")
    for number in range(100):
        ledger.note(f"run_{number}")
        ledger.strike(f"run_{number}")
    assert (tmp_path / NAME).stat().st_size < 1000
    assert [entry.marker for entry in module._read(tmp_path / NAME)] == ["run_that_lives"]
    ledger.close()


def test_it_moves_with_its_folder(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    ledger = Ledger(str(old))
    ledger.note("run_1")
    ledger.move(str(new))
    ledger.note("run_2")
    assert [entry.marker for entry in module._read(new / NAME)] == ["run_1", "run_2"]
    ledger.close()


def test_where_nothing_can_be_written_runs_go_on(tmp_path):
    ledger = Ledger(str(tmp_path / "nowhere"))
    ledger.note("run_1")
    ledger.add("run_1", processes.read(os.getpid()))
    ledger.strike("run_1")
    ledger.close()


async def test_every_errand_is_told_so():
    told = []
    family = Descendants(on_seen=lambda marker, _: told.append(marker))
    await errand.run(Command(("/bin/true",), "/"), {}, "errand-1", family, DEADLINE)
    assert set(told) == {ANYBODYS}


def test_one_that_forks_a_lot_does_not_have_it_written_all_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 1000)
    ledger, row, files = Ledger(str(tmp_path)), processes.read(os.getpid()), set()
    ledger.note(MINE)
    for _ in range(2000):
        ledger.add(MINE, row)
        files.add((tmp_path / NAME).stat().st_ino)
    ledger.close()
    assert len(files) <= 10  # each time it is written anew it is another file


def test_of_those_that_are_gone_it_keeps_who_leads_a_session(tmp_path, started, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 100)
    leader = started(MINE, ["/bin/sh", "-c", "env -i sleep 86400 & echo $! >told; exit"], cwd=tmp_path)
    row, gone = processes.read(leader.pid), started()
    ledger = Ledger(str(tmp_path))
    ledger.note(MINE)
    ledger.add(MINE, row)
    ledger.add(MINE, processes.read(gone.pid))
    wait_for(tmp_path / "told")
    gone.kill()
    for one in (leader, gone):
        one.wait(DEADLINE)
    living = processes.read(os.getpid())
    for _ in range(10):
        ledger.add(MINE, living)
    ledger.close()
    kept = {entry.pid for entry in module._read(tmp_path / NAME)}
    assert (leader.pid in kept, gone.pid in kept) == (True, False)
    left = int((tmp_path / "told").read_text())
    os.kill(left, signal.SIGKILL)
    os.waitpid(left, 0)  # it is ours by now
