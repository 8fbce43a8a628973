"""The ledger: which children a server has, on disk, for the next server to end what is left of them.

Nobody needs it as long as the server or its guardian lives. Both killed in one moment leave the children to init.
"""

import contextlib
import json
import os
import signal
import time
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from clinvk import processes
from clinvk.processes import Process
from clinvk.supervisor.cgroup import Cgroup
from clinvk.supervisor.environment import MARKER

NAME: Final = "children"
GROUPS: Final = "groups"
ANYBODYS: Final = ""
"""The marker of what is below the server, and nobody can tell below which child."""
_LONGEST: Final = 1 << 20
"""Bytes after which it is written anew, with those alone that matter; later on once it has doubled."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_ROUNDS: Final = 1000
_ROUND_SECS: Final = 0.01


class Entry(NamedTuple):
    """A process: the marker of the child that it belongs to, its pid and its start, as in `Process`.

    Without a pid it is a child that is about to be started.
    """

    marker: str
    pid: int = 0
    started: int = 0


class Ledger:
    """The children of this server, in a file. What cannot be written is not: it is the last net of three."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder, NAME)
        self._living: dict[str, list[Entry]] = {ANYBODYS: []}
        self._file: int | None = None
        self._size = 0
        self._groups = ""
        self._longest = _LONGEST

    def note_groups(self, stem: str) -> None:
        """The folders of the children's control groups all begin with `stem` and a dash."""
        self._groups = stem
        with contextlib.suppress(OSError):
            self._path.with_name(GROUPS).write_text(stem)

    def note(self, marker: str) -> None:
        """A child is about to be started with that marker."""
        self._living[marker] = [Entry(marker)]
        self._append(self._living[marker][0])

    def add(self, marker: str, row: Process) -> None:
        """That child, or a process of its, was seen. Of one that was not noted nothing is."""
        if marker in self._living:
            self._living[marker].append(Entry(marker, row.pid, row.started))
            self._append(self._living[marker][-1])

    def strike(self, marker: str) -> None:
        """That child is gone, with all that was below it."""
        if self._living.pop(marker, None):
            self._append(marker)

    def move(self, folder: str) -> None:
        """Go on in another folder, where the old one is gone."""
        self.close()
        self._path = Path(folder, NAME)
        if self._groups:
            self.note_groups(self._groups)

    def close(self) -> None:
        """No more is written."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, what: Entry | str) -> None:
        with contextlib.suppress(OSError):
            if self._file is None or self._size > self._longest:
                self._begin()
                return
            line = json.dumps(what).encode() + b"\n"
            self._size += os.write(self._file, line)

    def _begin(self) -> None:
        """Write it anew, so that at each moment there is a whole one."""
        self.close()
        new = self._path.with_suffix(".new")
        self._forget_the_dead()
        lines = [_boot(), *chain(*self._living.values())]
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        new.write_bytes(data)
        new.replace(self._path)
        self._file, self._size = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC), len(data)
        self._longest = max(_LONGEST, 2 * self._size)  # or one that forks a lot would have it written all the time

    def _forget_the_dead(self) -> None:
        """Those that live stay, and those whose session does: a number that leads one is nobody else's."""
        rows = [row for row in processes.table().values() if row.alive]
        born, sessions = {(row.pid, row.started) for row in rows}, {row.sid for row in rows}
        for marker, entries in self._living.items():
            self._living[marker] = [
                entry
                for entry in entries
                if not entry.pid or entry.pid in sessions or (entry.pid, entry.started) in born
            ]


def end_children(folder: str) -> int:
    """KILL what is left of the children that are in the ledger of `folder`; how many processes that were.

    A process is one of theirs by its control group, its pid and start, its session, its marker, or its parents.
    Blocks until none of them is left, ten seconds at most.
    """
    entries = _read(Path(folder, NAME))
    groups = _groups(Path(folder, GROUPS))
    ended: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        left = _left(entries, groups) if entries or groups else []
        if not left:
            break
        for row in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(row.pid, signal.SIGKILL)
            ended.add((row.pid, row.started))
        time.sleep(_ROUND_SECS)
    for group in groups:
        group.end()
    return len(ended)


def _left(entries: list[Entry], groups: list[Cgroup]) -> list[Process]:
    rows = processes.table()
    born = {entry.pid: entry.started for entry in entries if entry.pid}
    markers = {entry.marker for entry in entries} - {ANYBODYS}
    found = {row.pid: row for row in rows.values() if _is_theirs(row, rows, born, markers)}
    for group in groups:
        found |= {pid: rows[pid] for pid in group.members() if pid in rows}
    for pid in list(found):
        found |= {row.pid: row for row in processes.descendants(pid, rows)}
    return [row for row in found.values() if row.alive]


def _is_theirs(row: Process, rows: dict[int, Process], born: dict[int, int], markers: set[str]) -> bool:
    """Whether it is in the ledger, `born` when, or in the session of one that is, or has one of the markers."""
    if born.get(row.pid) == row.started:
        return True
    if row.sid in born:
        leader = rows.get(row.sid)
        # Its number is nobody else's as long as its session is there; then it is that of another session.
        if leader is None or leader.started == born[row.sid]:
            return True
    return row.pid != os.getpid() and processes.marker(row.pid, MARKER) in markers


def _read(path: Path) -> list[Entry]:
    """Those who lived when it was written last; none of before the machine was started."""
    try:
        boot, *lines = path.read_text().splitlines()
    except (OSError, ValueError):  # there is none
        return []
    living: dict[str, list[Entry]] = {}
    for line in lines:
        try:
            what = json.loads(line)
        except ValueError:  # the server died while it wrote this
            break
        match what:
            case str():
                living.pop(what, None)
            case [str() as marker, int() as pid, int() as started, *_]:  # another version may say more
                living.setdefault(marker, []).append(Entry(marker, pid, started))
            case _:  # or something else
                continue
    return list(chain(*living.values())) if boot == json.dumps(_boot()) else []


def _groups(path: Path) -> list[Cgroup]:
    """Those that are there, but for one that we are in, who may have been started by a run of that server."""
    try:
        stem = Path(path.read_text())
    except (OSError, ValueError):  # there were none
        return []
    if not stem.is_absolute():  # it had none, or died while it wrote this
        return []
    groups = [Cgroup(str(folder)) for folder in stem.parent.glob(f"{stem.name}-*")]
    return [group for group in groups if os.getpid() not in group.members()]


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:  # another system
        return ""
