"""Where children can have control groups: the kernel's own words, and plain files for what is not here."""

import os
from pathlib import Path

import pytest

from clinvk.supervisor import cgroup, cgroups
from clinvk.supervisor.cgroups import NOWHERE, Cgroups, _count_memory, _own
from tests.supervisor.grouping import PLACE, wanted

FIRST = "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
HYBRID = FIRST + "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
UNIFIED = "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
CONTAINER = "700 690 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
SPACED = "29 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n"
GUARDIAN, SERVER = 4000001, 4000002


@pytest.mark.parametrize(
    ("mounts", "path", "folder"),
    [
        (HYBRID, "/", "/sys/fs/cgroup/unified"),
        (HYBRID, "/a/b", "/sys/fs/cgroup/unified/a/b"),
        (UNIFIED, "/user.slice/x.scope", "/sys/fs/cgroup/user.slice/x.scope"),
        (CONTAINER, "/docker/abc", "/sys/fs/cgroup"),
        (CONTAINER, "/docker/abc/below", "/sys/fs/cgroup/below"),
        (CONTAINER, "/docker/abcd", None),
        (UNIFIED, "/../outside", None),
        (SPACED, "/a", "/my groups/a"),
        (FIRST, "/", None),
        (UNIFIED, None, None),
    ],
)
def test_the_group_of_this_process_is_found_where_it_is_mounted(tmp_path, mounts, path, folder):
    file = tmp_path / "mountinfo"
    file.write_text(mounts)
    assert _own(file, path) == folder


def test_another_system_has_none(tmp_path):
    assert _own(tmp_path / "mountinfo", "/") is None


@wanted
def test_the_place_is_tried_and_nothing_is_left_of_that(monkeypatch):
    made, mkdir = [], os.mkdir
    monkeypatch.setattr(os, "mkdir", lambda path, *more: (made.append(path), mkdir(path, *more)))
    assert cgroups.place() == PLACE
    (trial,) = made  # others try it in this very moment, and theirs are there
    assert Path(trial).parent == Path(PLACE)
    assert not Path(trial).exists()


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_that_is_no_group_is_no_place(tmp_path, monkeypatch, made):
    folder = tmp_path / "own"
    if made:
        folder.mkdir()
    monkeypatch.setattr(cgroups, "_own", lambda *_: str(folder))
    assert cgroups.place() is None
    assert not made or not list(folder.iterdir())


def test_names_are_recognised_and_never_the_same(tmp_path):
    mine = Cgroups("clinvk-0-abc", str(tmp_path))
    assert mine.new("site").name == "clinvk-0-abc-site"
    assert mine.new().name != mine.new().name


def test_nowhere_none_is_named():
    NOWHERE.bound(1 << 30)
    assert NOWHERE.new("site") is None


@pytest.fixture
def own(tmp_path):
    """A group as systemd delegates it, in which there are a guardian and its server alone."""
    folder = tmp_path / "clinvk.service"
    folder.mkdir()
    for name, text in {
        "cgroup.type": "domain\n",
        "cgroup.controllers": "cpu memory pids\n",
        "cgroup.subtree_control": "\n",
        "cgroup.procs": f"{GUARDIAN}\n{SERVER}\n",
    }.items():
        (folder / name).write_text(text)
    return folder


def test_in_a_group_of_our_own_memory_is_counted_and_we_move_aside(own):
    _count_memory(own, {GUARDIAN, SERVER}, "clinvk-0-abc-server")
    assert (own / "cgroup.subtree_control").read_text() == "+memory"
    assert int((own / "clinvk-0-abc-server" / "cgroup.procs").read_text()) in {GUARDIAN, SERVER}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cgroup.procs", f"{GUARDIAN}\n{SERVER}\n4000003\n"),
        ("cgroup.controllers", "cpu pids\n"),
        ("cgroup.type", None),
        ("cgroup.subtree_control", "memory pids\n"),
    ],
    ids=["others are in it", "no controller", "the root", "counted already"],
)
def test_elsewhere_nothing_is_changed(own, name, text):
    if text is None:
        (own / name).unlink()
    else:
        (own / name).write_text(text)
    before = {path: path.read_text() for path in own.iterdir()}
    _count_memory(own, {GUARDIAN, SERVER}, "clinvk-0-abc-server")
    assert {path: path.read_text() for path in own.iterdir()} == before


def test_groups_are_made_with_the_bound_that_holds_and_a_place_without_files_hinders_nothing(tmp_path):
    mine = Cgroups("clinvk-0-abc", str(tmp_path))
    mine.bound(1 << 30)
    assert mine.new().most == 1 << 30
    mine.bound(0)
    assert mine.new().most == 0


@wanted
def test_this_process_is_in_one():
    assert cgroup.path_of("self") == cgroup.path_of(os.getpid()) is not None
