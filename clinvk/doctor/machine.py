"""The machine: root, containers, and what the supervisor needs of the kernel."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clinvk import processes
from clinvk.doctor import mounts
from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, note, ok, problem, warning
from clinvk.guardian import PR_SET_CHILD_SUBREAPER, prctl
from clinvk.supervisor import cgroups

_MIB: Final = 1 << 20
_RUN_MIB: Final = 300
"""What one run of the largest CLI keeps resident. Its tools come on top."""
_SERVER_MIB: Final = 150
_LEAST_TMP: Final = 100 * _MIB
_SHM: Final = "/dev/shm"  # noqa: S108  the kernel's, not ours
_LEAST_SHM_MIB: Final = 64
_HIDING: Final = re.compile(r"hidepid=([124]|noaccess|invisible|ptraceable)")
_INITS: Final = re.compile(r"(systemd|init|tini|docker-init|dumb-init|catatonit|s6-svscan|runit|podman-init)")
_ENDLESS: Final = 1 << 60  # how version 1 of cgroups says "no limit", more or less


def findings(case: Case) -> Iterator[Finding]:
    """Of the system, the user, the container if it is one, and what is left for runs."""
    yield from _system()
    yield from _root(case)
    yield from _container()
    yield from _home(case)
    yield from _temporary()
    yield from _memory(case)


def become_subreaper() -> bool:
    """Have orphans of ours come to us, so that what a CLI leaves can be ended. Whether the kernel does it."""
    if sys.platform != "linux":
        return False
    try:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    except OSError:
        return False
    return True


def _system() -> Iterator[Finding]:
    if sys.platform != "linux":
        message = f"on {sys.platform} there is no guardian: what a killed server has started lives on"
        yield warning(Id.MACHINE_SYSTEM, sys.platform, message, "end a server with SIGTERM, never with SIGKILL")
        return
    if not become_subreaper():
        message = "the kernel lets no process adopt its orphans: the server does not start"
        yield problem(Id.MACHINE_SUBREAPER, "prctl", message, "allow prctl in the container's seccomp profile")
    yield from _proc()
    yield from _cgroup()


def _proc() -> Iterator[Finding]:
    try:
        right = os.readlink("/proc/self") == str(os.getpid())  # noqa: PTH115  the path is a string
        seen = bool(processes.table())
    except OSError:
        right = seen = False
    if not right or not seen:
        message = "/proc is not mounted, or that of another pid namespace: no run can be ended with all it started"
        yield problem(Id.MACHINE_PROC, "/proc", message, "mount -t proc proc /proc, within the namespace")
        return
    options = next((mount.options for mount in reversed(mounts.table()) if mount.point == "/proc"), ())
    hidden = next((option for option in options if _HIDING.fullmatch(option)), None)
    if hidden and os.geteuid() != 0:
        message = f"/proc is mounted with {hidden}: a program that an agent starts as another user is not seen"
        yield note(Id.MACHINE_PROC, "/proc", message, "nothing, unless your agents use sudo or setuid programs")
    else:
        yield ok(Id.MACHINE_PROC, "/proc", "every process that a run starts can be seen and ended")


def _cgroup() -> Iterator[Finding]:
    found = cgroups.place()
    if found:
        yield ok(Id.MACHINE_CGROUP, found, "each run has a control group here: whatever it starts ends with it")
    else:
        message = "no control group can be made here: what a run starts is known by parents, session and variables"
        yield note(Id.MACHINE_CGROUP, "cgroup", message, "Delegate=yes in a unit of systemd; else nothing")


def _root(case: Case) -> Iterator[Finding]:
    if os.geteuid() == 0:
        message = "this is root: an agent, and whoever reaches the server, may do anything to this machine"
        yield warning(Id.MACHINE_ROOT, "root", message, "run the server as a user of its own, or in a container")
        if case.settings.backends["claude"].enabled is not False and "IS_SANDBOX" not in case.served:
            message = "claude refuses --dangerously-skip-permissions and bypassPermissions to root"
            cure = "run as another user; in a container that is thrown away, IS_SANDBOX=1 tells it to go on"
            yield note(Id.MACHINE_ROOT, "claude", message, cure)


def _container() -> Iterator[Finding]:
    """docker and podman leave a file; other containers are told by their first process."""
    if not (Path("/.dockerenv").exists() or Path("/run/.containerenv").exists() or "container" in os.environ):
        return
    yield note(Id.MACHINE_CONTAINER, "container", "this is a container: what is not on a volume ends with it")
    first = processes.command(1).partition(" ")[0].rpartition("/")[2]
    if os.getpid() != 1 and not _INITS.match(first):
        message = "the first process here is no init: orphans that are not a server's own stay as zombies"
        yield note(Id.MACHINE_CONTAINER, "pid 1", message, "docker run --init, or init: true in a compose file")


def _home(case: Case) -> Iterator[Finding]:
    home = case.environment.get("HOME", "")
    if not os.access(home or "/nonexistent", os.W_OK | os.X_OK):
        message = f"HOME ({home or 'not set'}) cannot be written: CLIs keep logins and conversations there"
        yield problem(Id.MACHINE_HOME, "HOME", message, "give the server's user a home it can write")


def _temporary() -> Iterator[Finding]:
    try:
        folder = tempfile.gettempdir()
        state = os.statvfs(folder)
    except OSError:
        message = "there is no folder for temporary files that can be written: no run can start"
        yield problem(Id.MACHINE_TMP, "TMPDIR", message, "mount a tmpfs on /tmp, or set TMPDIR")
        return
    free = state.f_bavail * state.f_frsize
    if free < _LEAST_TMP:
        message = f"only {free // _MIB} MiB are free in {folder}: every run has a folder there"
        yield warning(Id.MACHINE_TMP, folder, message, "make room, or set TMPDIR")
    if state.f_flag & getattr(os, "ST_NOEXEC", 0):
        message = f"{folder} is mounted noexec: tools that unpack programs there fail"
        yield note(Id.MACHINE_TMP, folder, message, "set TMPDIR to another folder")
    with contextlib.suppress(OSError):
        shared = os.statvfs(_SHM)
        size = shared.f_blocks * shared.f_frsize // _MIB
        if size < _LEAST_SHM_MIB:
            message = f"{_SHM} has {size} MiB: browsers that agents start crash"
            yield note(Id.MACHINE_SHM, _SHM, message, "docker run --shm-size=256m")


def _memory(case: Case) -> Iterator[Finding]:
    runs = case.settings.server.max_concurrent_runs
    need = _SERVER_MIB + runs * _RUN_MIB
    have = min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_limits()]) // _MIB
    fits = max(1, (have - _SERVER_MIB) // _RUN_MIB)
    message = f"{have} MiB of memory, and {runs} runs at once may want {need} MiB"
    if have < need:
        yield warning(Id.MACHINE_MEMORY, "memory", message, f"clinvk config set server.max_concurrent_runs {fits}")
    else:
        yield ok(Id.MACHINE_MEMORY, "memory", message)


def _limits() -> Iterator[int]:
    """What the control groups that we are in allow, in bytes: each limit on the way up."""
    try:
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in {"", "memory"}:
            root = Path("/sys/fs/cgroup") / controllers
            name = "memory.limit_in_bytes" if controllers else "memory.max"
            here = root / path.lstrip("/")
            for folder in (root, here, *here.parents):
                if folder.is_relative_to(root):
                    yield from _limit(folder / name)


def _limit(file: Path) -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError):  # not there, or "max"
        limit = int(file.read_text("ascii"))
        if limit < _ENDLESS:
            yield limit
