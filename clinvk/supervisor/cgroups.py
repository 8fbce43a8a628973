"""Where a server may give each of its children a control group, and whether its memory is bounded there."""

import contextlib
import logging
import os
import re
import secrets
from pathlib import Path
from typing import Final

from clinvk import guardian
from clinvk.supervisor import cgroup
from clinvk.supervisor.cgroup import Cgroup

_log = logging.getLogger("clinvk.cgroup")

_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_MEMORY: Final = "memory"
"""The controller."""
_WHOLE: Final = "domain"
"""The type of a group that any process may be in; groups of threads are none."""


class Cgroups:
    """Names the groups of one server's children; where none can be had, nothing."""

    def __init__(self, prefix: str, place: str | None) -> None:
        """`prefix` is what their names begin with; `place` is the group that they are below."""
        self._prefix = prefix
        self._place = place
        self._most = 0
        self.stem = f"{place}/{prefix}" if place else ""
        """What the folder of each begins with; empty where none can be had."""

    def new(self, name: str | None = None) -> Cgroup | None:
        """A group to be made, by that name or a random one; None where there is no place for it."""
        if self._place is None:
            return None
        return Cgroup(f"{self.stem}-{name or secrets.token_hex(6)}", self._most)

    def bound(self, most: int) -> None:
        """Let each that is made from now on hold that many bytes of memory, 0 for any.

        The kernel sees to it where it can be told to: where the memory of groups here is counted already, and
        where this group is delegated to us, so that we alone are in it. Blocks for a moment.
        """
        self._most = most
        if most and self._place:
            try:
                ours = {os.getpid(), guardian.main_pid()}
                _count_memory(Path(self._place), ours, f"{self._prefix}-server")
            except OSError as error:
                _log.debug("memory is not counted in %s: %s", self._place, error)


NOWHERE: Final = Cgroups("", None)
"""Of whoever gives his children no groups."""


def place() -> str | None:
    """The group of this process, if it may make groups below and move processes there: it tries. May block."""
    own = _own(_MOUNTS, cgroup.path_of("self"))
    if own is None:
        return None
    trial = f"{own}/clinvk-trial-{secrets.token_hex(6)}"
    try:
        os.mkdir(trial)  # noqa: PTH102
    except OSError as error:
        _log.debug("no group can be made in %s: %s", own, error)
        return None
    try:
        is_ours = os.access(f"{own}/cgroup.procs", os.W_OK) and os.access(f"{trial}/cgroup.procs", os.W_OK)
        return own if is_ours and Path(trial, "cgroup.type").read_text("ascii").strip() == _WHOLE else None
    except OSError:
        return None
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(trial)  # noqa: PTH106


def _own(mounts: Path, path: str | None) -> str | None:
    """The folder of the group `path`; None where no hierarchy of version 2 that has it is mounted."""
    if path is None or ".." in path.split("/"):  # none, or outside of all that we can see
        return None
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:  # another system
        return None
    for line in lines:
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            root, point = map(_plain, before.split(" ")[3:5])
            below = os.path.relpath(path, root)
            if not below.startswith(".."):
                return os.path.normpath(f"{point}/{below}")
    return None


def _plain(field: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), field)


def _count_memory(own: Path, ours: set[int], leaf: str) -> None:
    """Have the memory of groups below `own` counted, if we may. Raises OSError.

    A group with counted ones below it may have no processes: server and guardian move into a `leaf` for that.
    Whose group it is nobody tells, but where others are in it, it is not ours to change.
    """
    if _MEMORY in own.joinpath("cgroup.subtree_control").read_text("ascii").split():
        return
    members = {int(pid) for pid in own.joinpath("cgroup.procs").read_text("ascii").split()}
    is_root = not own.joinpath("cgroup.type").exists()
    if is_root or members != ours or _MEMORY not in own.joinpath("cgroup.controllers").read_text("ascii").split():
        _log.debug("memory is not counted in %s: it is not ours alone, or has no controller", own)
        return
    home = own / leaf
    home.mkdir()
    try:
        _move(ours, home)
        own.joinpath("cgroup.subtree_control").write_text(f"+{_MEMORY}", "ascii")
    except OSError:
        _move(ours, own)
        home.rmdir()
        raise


def _move(pids: set[int], group: Path) -> None:
    for pid in pids:
        group.joinpath("cgroup.procs").write_text(str(pid), "ascii")
