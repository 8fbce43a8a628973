"""The control group of one child: real groups and processes, plain files for a controller that is not here."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from clinvk.supervisor import cgroup as module
from clinvk.supervisor.cgroup import Cgroup
from clinvk.supervisor.cgroups import Cgroups
from tests.conftest import DEADLINE
from tests.supervisor.grouping import PLACE, houses, is_there, told, wanted

SLEEP = ["/bin/sleep", "86400"]
READ = ["/bin/sh", "-c", "read line; exec 3>&1 >/dev/null; {}\necho done >&3; exec sleep 86400"]


@pytest.fixture
def group():
    """A group that has not been made yet, and is gone in the end."""
    made = Cgroups("clinvk-test", PLACE).new()
    yield made
    made.end()
    assert not is_there(made)


@pytest.fixture
def started():
    """Starts processes that wait for a line, then do what they are told, and sleep; ends them all."""
    running = []

    def start(what="true"):
        command = [part.format(what) for part in READ]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()


def act(process):
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"done\n"


def is_killed(process):
    return process.wait(DEADLINE) == -signal.SIGKILL


@wanted
def test_who_forks_in_it_is_in_it_whatever_he_does(group, started):
    child, stranger = started("setsid sh -c 'sleep 86400 & sleep 86400 &'"), started()
    group.take(child.pid)
    act(child)
    members = group.members()
    assert child.pid in members
    assert len(members) == 3
    group.end()
    assert is_killed(child)
    assert not is_there(group)
    assert not [pid for pid in members if Path(f"/proc/{pid}/exe").exists()]
    assert stranger.poll() is None


@wanted
def test_a_dead_process_that_nobody_has_taken_leave_of_holds_up_nothing(group, started):
    child = started()
    group.take(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    group.end()
    assert not is_there(group)
    assert is_killed(child)


@wanted
def test_groups_that_a_tool_made_below_go_too(group, started):
    deep = f"{group.folder}/tool/deep"
    child = started(f"mkdir -p {deep} {group.folder}/empty; echo $$ >{deep}/cgroup.procs")
    group.take(child.pid)
    act(child)
    assert group.members() == {child.pid}
    group.end()
    assert is_killed(child)
    assert not is_there(group)


@wanted
def test_empty_groups_below_hold_up_nothing(group, started):
    child = started()
    group.take(child.pid)
    Path(group.folder, "tool", "deep").mkdir(parents=True)
    child.kill()
    child.wait()
    group.end()
    assert not is_there(group)


@wanted
def test_who_is_frozen_ends_too(group, started):
    child = started()
    group.take(child.pid)
    Path(group.folder, "cgroup.freeze").write_text("1")
    group.end()
    assert is_killed(child)


@wanted
def test_a_kernel_that_ends_no_groups_has_its_members_ended(group, started, monkeypatch):
    write = module._write

    def older(path, value):
        if path.endswith("cgroup.kill"):
            raise FileNotFoundError(path)
        write(path, value)

    monkeypatch.setattr(module, "_write", older)
    child = started("sleep 86400 & sleep 86400 &")
    group.take(child.pid)
    act(child)
    assert len(group.members()) == 3
    group.end()
    assert is_killed(child)


@wanted
def test_an_end_before_its_beginning_is_one(group, started):
    child = started()
    group.end()
    group.take(child.pid)
    group.bound(1 << 20)
    assert not is_there(group)
    assert group.members() == set()


@wanted
def test_a_process_that_is_gone_is_moved_nowhere(group, started):
    child = started()
    child.kill()
    child.wait()
    group.take(child.pid)
    assert group.members() == set()


def test_where_no_group_can_be_made_none_is(tmp_path):
    group = Cgroup(str(tmp_path / "nowhere" / "group"))
    group.take(os.getpid())
    group.end()
    assert not group.was_short


def test_what_is_not_ours_to_remove_is_left(tmp_path):
    group = houses(tmp_path / "group")  # the files of which cannot go as the kernel's do
    began = time.monotonic()
    group.end()
    assert is_there(group)
    assert time.monotonic() - began < DEADLINE


def test_the_kernel_is_told_how_much_memory_it_may_hold_and_to_end_all_of_it(tmp_path):
    group = houses(tmp_path / "group")
    group.bound(1 << 30)
    assert told(tmp_path / "group") == [str(1 << 30), "1", "0"]
    group.bound(0)
    assert told(tmp_path / "group") == ["max", "0", "max"]


def test_a_kernel_that_does_not_swap_is_told_the_rest(tmp_path):
    group = houses(tmp_path / "group")
    (tmp_path / "group" / "memory.swap.max").unlink()
    group.bound(1 << 30)
    assert (tmp_path / "group" / "memory.max").read_text() == str(1 << 30)


@pytest.mark.parametrize(
    ("told_", "short"),
    [("oom 0\noom_kill 0\n", False), ("oom 0\noom_kill 1\n", False), ("oom 1\noom_kill 1\n", True), ("", False)],
    ids=["nothing", "the machine's memory was short", "its own was", "an empty file"],
)
def test_only_its_own_bound_counts(tmp_path, told_, short):
    group = houses(tmp_path / "group")
    (tmp_path / "group" / "memory.events.local").write_text(told_)
    assert group.was_short is short


def test_who_has_no_group_is_told_so():
    assert module.path_of(0) is None
