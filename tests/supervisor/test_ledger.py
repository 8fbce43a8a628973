"""Children that a server wrote down, for the next one to end. Always real processes, and strangers beside them."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clinvk import processes
from clinvk.backends.base import Command
from clinvk.supervisor import errand
from clinvk.supervisor import ledger as module
from clinvk.supervisor.cgroups import Cgroups
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.environment import MARKER
from clinvk.supervisor.ledger import ANYBODYS, NAME, Entry, Ledger, end_children
from tests.conftest import DEADLINE
from tests.supervisor.grouping import PLACE, is_there, wanted

SLEEP = ["/bin/sleep", "86400"]
MINE, OTHERS = f"run_mine_{os.getpid()}", f"run_others_{os.getpid()}"  # not those of a test beside us


@pytest.fixture
def started():
    """Starts processes, each in a session of its own, and ends them all."""
    running = []

    def start(marker=None, command=SLEEP, cwd=None):
        variables = {MARKER: marker} if marker else {}
        running.append(subprocess.Popen(command, env=variables, start_new_session=True, cwd=cwd))
        pid, until = running[-1].pid, time.monotonic() + DEADLINE
        # Of one that has just begun it cannot be read yet; of one that has ended, not any more.
        while processes.read(pid).alive and processes.marker(pid, MARKER) != marker:
            assert time.monotonic() < until
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.wait()


def is_killed(process):
    return process.poll() == -signal.SIGKILL


def noted(folder, *entries):
    ledger = Ledger(str(folder))
    for marker, *pids in entries:
        ledger.note(marker)
        for pid in pids:
            ledger.add(marker, processes.read(pid))
    ledger.close()
    return ledger


def test_a_child_is_known_by_its_pid_and_start(tmp_path, started):
    child, stranger = started(), started()
    noted(tmp_path, (MINE, child.pid))
    assert end_children(str(tmp_path)) == 1
    assert is_killed(child)
    assert stranger.poll() is None


def test_one_with_that_number_that_was_started_at_another_time_is_a_stranger(tmp_path, started):
    stranger = started()
    row = processes.read(stranger.pid)
    lines = [module._boot(), Entry(MINE, stranger.pid, row.started - 1)]
    (tmp_path / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert end_children(str(tmp_path)) == 0
    assert stranger.poll() is None


def test_what_was_just_being_started_is_known_by_its_marker(tmp_path, started):
    child, stranger = started(MINE), started(OTHERS)
    noted(tmp_path, (MINE,))
    assert end_children(str(tmp_path)) == 1
    assert is_killed(child)
    assert stranger.poll() is None


def test_what_a_child_began_goes_with_it_whatever_became_of_the_child(tmp_path, started):
    shell = "sleep 86400 & echo $! >'{0}/session'; setsid sleep 86400 & sleep 0; echo $! >'{0}/below'; wait"
    child = started(MINE, ["/bin/sh", "-c", shell.format(tmp_path)])
    wait_for(tmp_path / "session")
    wait_for(tmp_path / "below")
    noted(tmp_path, (MINE, child.pid))
    child.kill()
    child.wait()
    assert end_children(str(tmp_path)) == 2
    for name in ("session", "below"):
        row = processes.read(int((tmp_path / name).read_text()))
        assert row is None or not row.alive


def test_what_was_seen_of_a_child_is_known_without_a_marker_or_a_parent(tmp_path, started):
    child, seen = started(), started()
    noted(tmp_path, (MINE, child.pid, seen.pid))
    child.kill()
    child.wait()
    assert end_children(str(tmp_path)) == 1
    assert is_killed(seen)


def grouped(folder):
    """The ledger of a server whose children have groups, and the groups."""
    groups = Cgroups(f"clinvk-test-{secrets.token_hex(4)}", PLACE)
    ledger = Ledger(str(folder))
    ledger.note_groups(groups.stem)
    ledger.close()
    return groups


@wanted
def test_what_is_in_the_group_of_a_child_needs_no_trace_at_all(tmp_path, started):
    child, stranger = started(), started()
    group, others = grouped(tmp_path).new(), grouped(tmp_path / "nowhere").new()
    group.take(child.pid)
    others.take(stranger.pid)
    assert end_children(str(tmp_path)) == 1
    assert is_killed(child)
    assert not is_there(group)
    assert stranger.poll() is None
    others.end()


@wanted
def test_a_group_that_nobody_is_in_is_removed(tmp_path):
    group = grouped(tmp_path).new()
    Path(group.folder).mkdir()
    assert end_children(str(tmp_path)) == 0
    assert not is_there(group)


@wanted
def test_who_was_started_by_a_run_of_a_server_that_is_gone_does_not_end_itself(tmp_path):
    group = grouped(tmp_path).new()
    code = (
        "import sys; from clinvk.supervisor.ledger import end_children; "
        "sys.stdin.read(); print(end_children(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    follower = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    group.take(follower.pid)
    assert follower.communicate(timeout=DEADLINE)[0] == "0\n"
    assert follower.returncode == 0
    assert is_there(group)
    group.end()


def test_where_the_groups_are_moves_with_its_folder(tmp_path):
    ledger = Ledger(str(tmp_path / "tidied away"))
    ledger.note_groups("/groups/clinvk-0-abc")
    ledger.move(str(tmp_path))
    assert (tmp_path / module.GROUPS).read_text() == "/groups/clinvk-0-abc"
    ledger.close()


def test_what_nobody_can_be_charged_with_is_known_too(tmp_path):
    seen = subprocess.Popen(SLEEP, env={})  # in a session of others
    ledger = Ledger(str(tmp_path))
    ledger.add(ANYBODYS, processes.read(seen.pid))
    ledger.close()
    assert end_children(str(tmp_path)) == 1
    assert seen.wait(DEADLINE) == -signal.SIGKILL


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


def test_of_what_was_not_noted_nothing_is_kept(tmp_path, started):
    stranger = started()
    ledger = Ledger(str(tmp_path))
    ledger.add(OTHERS, processes.read(stranger.pid))
    ledger.close()
    assert end_children(str(tmp_path)) == 0
    assert stranger.poll() is None


def test_what_was_struck_is_none_of_its_business(tmp_path, started):
    child = started(MINE)
    noted(tmp_path, (MINE, child.pid)).strike(MINE)
    assert end_children(str(tmp_path)) == 0
    assert child.poll() is None


def test_a_line_that_broke_off_costs_itself_only(tmp_path, started):
    child = started()
    noted(tmp_path, (MINE, child.pid))
    with (tmp_path / NAME).open("a") as file:
        file.write('["run_oth')
    assert end_children(str(tmp_path)) == 1


def test_what_another_version_wrote_is_understood_or_passed_over(tmp_path, started):
    child = started()
    row = processes.read(child.pid)
    lines = [module._boot(), None, 5, [], {"pid": 1}, [MINE, "more"], [MINE, child.pid, row.started, "more"]]
    (tmp_path / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert end_children(str(tmp_path)) == 1
    assert is_killed(child)


def test_what_was_before_the_machine_was_started_is_forgotten(tmp_path, started, monkeypatch):
    child = started(MINE)
    noted(tmp_path, (MINE, child.pid))
    monkeypatch.setattr(module, "_boot", lambda: "another")
    assert end_children(str(tmp_path)) == 0
    assert child.poll() is None


def test_without_a_ledger_nothing_is_done(tmp_path):
    assert end_children(str(tmp_path / "nowhere")) == 0
    (tmp_path / NAME).write_bytes(b"\xff\n")
    assert end_children(str(tmp_path)) == 0


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


def wait_for(path: Path) -> None:
    until = time.monotonic() + DEADLINE
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < until, path
        os.sched_yield()


def test_an_errand_that_was_left_is_known_by_its_number_and_not_by_its_marker(tmp_path, started):
    left, of_another_server = started("version-some"), started("version-some")
    ledger = Ledger(str(tmp_path))
    Descendants(on_seen=ledger.add).enrol("version-some", left.pid, known_as=ANYBODYS)
    ledger.close()
    assert end_children(str(tmp_path)) == 1
    assert is_killed(left)
    assert of_another_server.poll() is None


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
