"""The process table of this machine, read from /proc. Standard library only: the guardian needs it."""

import os
import time
from typing import Final, NamedTuple

TICKS: Final = os.sysconf("SC_CLK_TCK")
"""Clock ticks in a second."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_COMMAND_BYTES: Final = 4096
_TELLS_CHILDREN: Final = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110  not every kernel


class Process(NamedTuple):
    """One row. `started` is in clock ticks since boot: with the pid it names a process for good.

    `ticks` of CPU time it used in its whole life; `memory` is what is resident of it, in bytes.
    """

    pid: int
    ppid: int
    pgid: int
    sid: int
    state: str
    started: int
    ticks: int
    memory: int

    @property
    def alive(self) -> bool:
        return self.state not in "ZX"


def table() -> dict[int, Process]:
    """Every process this one can see."""
    found = (read(int(name)) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208  a hot path
    return {process.pid: process for process in found if process}


def read(pid: int) -> Process | None:
    """The row of `pid`, or None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  a hot path
            line = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command stands in parentheses and may itself hold anything, parentheses too.
    state, ppid, pgid, sid, *rest = line[line.rindex(b")") + 2 :].split()
    used = int(rest[7]) + int(rest[8])
    memory = int(rest[17]) * _PAGE_BYTES
    return Process(pid, int(ppid), int(pgid), int(sid), state.decode(), int(rest[15]), used, memory)


def tree(root: int) -> dict[int, Process]:
    """The processes below `root`: a look that costs as much as there are of them, not as there are on the machine.

    One that is born or adopted in that moment may be missed; `table` misses none.
    """
    if not _TELLS_CHILDREN:
        return {row.pid: row for row in descendants(root, table())}
    rows: dict[int, Process] = {}
    waiting = children(root)
    while waiting:
        pid = waiting.pop()
        row = read(pid)
        if row and pid not in rows:
            rows[pid] = row
            waiting += children(pid)
    return rows


def children(pid: int) -> list[int]:
    """The children of `pid`, zombies too; none where it is gone."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  a hot path
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError):  # it is gone, or one of its threads is
        pass
    return found


def shared_out(pid: int) -> int:
    """The memory of `pid` in bytes, what it shares with others counted in parts; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0


def now() -> float:
    """Clock ticks since boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS


def command(pid: int) -> str:
    """The arguments of `pid`, or its name in brackets where it has none; empty if it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123  a hot path
            line = file.read(_COMMAND_BYTES)
        if not line:
            with open(f"/proc/{pid}/comm", "rb") as file:  # noqa: PTH123
                return f"[{file.read().decode(errors='replace').strip()}]"
    except OSError:
        return ""
    return line.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")


def descendants(root: int, rows: dict[int, Process]) -> list[Process]:
    """Every process below `root`, parents before their children."""
    children: dict[int, list[Process]] = {}
    for process in rows.values():
        children.setdefault(process.ppid, []).append(process)
    found: list[Process] = []
    waiting = list(children.get(root, ()))
    while waiting:
        process = waiting.pop(0)
        found.append(process)
        waiting.extend(children.get(process.pid, ()))
    return found


def marker(pid: int, name: str) -> str | None:
    """What `name` says in the environment that `pid` was started with, where that can be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123  a hot path
            environ = file.read()
    except OSError:
        return None
    wanted = name.encode() + b"="
    for entry in environ.split(b"\0"):
        if entry.startswith(wanted):
            return entry[len(wanted) :].decode(errors="replace")
    return None
