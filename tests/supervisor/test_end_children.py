"""Children that a server wrote down, for the next one to end. Always real processes, and strangers beside them."""

import json
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from clinvk import processes
from clinvk.supervisor import ledger as module
from clinvk.supervisor.cgroups import NOWHERE, Cgroups
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.ledger import ANYBODYS, NAME, Entry, Ledger, end_children
from tests.conftest import DEADLINE
from tests.supervisor.grouping import PLACE, is_there, wanted
from tests.supervisor.leftovers import MINE, OTHERS, SLEEP, wait_for, wait_until_marked


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
    wait_until_marked(int((tmp_path / "below").read_text()))
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


def test_of_a_server_that_had_no_groups_nothing_is_taken_for_one(tmp_path, monkeypatch):
    of_somebody_else = tmp_path / "-empty"
    of_somebody_else.mkdir()
    monkeypatch.chdir(tmp_path)
    ledger = Ledger(str(tmp_path))
    ledger.note_groups(NOWHERE.stem)
    ledger.close()
    assert end_children(str(tmp_path)) == 0
    assert of_somebody_else.exists()


def test_what_nobody_can_be_charged_with_is_known_too(tmp_path):
    seen = subprocess.Popen(SLEEP, env={})  # in a session of others
    ledger = Ledger(str(tmp_path))
    ledger.add(ANYBODYS, processes.read(seen.pid))
    ledger.close()
    assert end_children(str(tmp_path)) == 1
    assert seen.wait(DEADLINE) == -signal.SIGKILL


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


def test_an_errand_that_was_left_is_known_by_its_number_and_not_by_its_marker(tmp_path, started):
    left, of_another_server = started("version-some"), started("version-some")
    ledger = Ledger(str(tmp_path))
    Descendants(on_seen=ledger.add).enrol("version-some", left.pid, known_as=ANYBODYS)
    ledger.close()
    assert end_children(str(tmp_path)) == 1
    assert is_killed(left)
    assert of_another_server.poll() is None
