"""The process table of this machine, read from /proc. Standard library only: the guardian needs it."""

import os
from typing import NamedTuple


class Process(NamedTuple):
    """One row. `started` is in clock ticks since boot: with the pid it names a process for good."""

    pid: int
    ppid: int
    pgid: int
    sid: int
    state: str
    started: int

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
    return Process(pid, int(ppid), int(pgid), int(sid), state.decode(), int(rest[15]))


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
