"""Control groups for tests: real ones where one can be made, plain files where the kernel has none here."""

from pathlib import Path

import pytest

from clinvk.supervisor import cgroup, cgroups

PLACE = cgroups.place()

wanted = pytest.mark.skipif(PLACE is None, reason="no control group can be made here")


def houses(folder):
    """A folder with the files of a group whose memory is counted, as they are at first."""
    folder.mkdir()
    for name, text in {
        "memory.max": "max",
        "memory.oom.group": "0",
        "memory.swap.max": "max",
        "memory.events.local": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
    }.items():
        (folder / name).write_text(text)
    return cgroup.Cgroup(str(folder))


def told(folder):
    """What was written down for the kernel."""
    return [(folder / name).read_text() for name in ("memory.max", "memory.oom.group", "memory.swap.max")]


def is_there(group):
    """Whether it was made, and not removed yet."""
    return Path(group.folder).is_dir()


def is_grouped(pid):
    """Whether a process is in the group of some child."""
    return "/clinvk-" in (cgroup.path_of(pid) or "")
