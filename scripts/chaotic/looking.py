"""Looks at what lives below a server: every process that was ever seen there is to be gone in the end."""

import os
import threading
import time
from pathlib import Path
from typing import Final

from clinvk import processes
from clinvk.processes import Process
from clinvk.supervisor.environment import MARKER

_PAUSE: Final = 0.02
_WIDE: Final = 10
"""A look at the whole table, which misses none, among so many."""

Key = tuple[int, int]
"""A process: its pid and its start."""


class Looks:
    """Looks below the process `root`, in a thread, until it is closed. `seen` are all it ever saw."""

    def __init__(self, root: int) -> None:
        self.seen: dict[Key, str] = {}
        self.count = 0
        self._root = root
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Look at once."""
        rows = processes.tree(self._root) if self.count % _WIDE else self._table()
        for row in rows.values():
            if row.alive and (row.pid, row.started) not in self.seen:
                self.seen[row.pid, row.started] = processes.command(row.pid)
        self.count += 1

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _table(self) -> dict[int, Process]:
        return {row.pid: row for row in processes.descendants(self._root, processes.table())}

    def _look_on(self) -> None:
        while not self._closing.wait(_PAUSE):
            self.look()


def alive(seen: dict[Key, str]) -> dict[Key, str]:
    """Those that live; a number in other hands does not count."""
    rows = {pid: processes.read(pid) for pid, _ in seen}
    return {
        key: what for key, what in seen.items() if (row := rows[key[0]]) and row.alive and row.started == key[1]
    }


def marked(home: Path, but_below: int) -> dict[Key, str]:
    """Those anywhere that bear the mark of a run and have that home, whoever their parents are.

    What is below a server that serves by now is its own.
    """
    found: dict[Key, str] = {}
    rows = processes.table()
    for row in set(rows.values()) - set(processes.descendants(but_below, rows)):
        if row.alive and processes.marker(row.pid, MARKER) and processes.marker(row.pid, "HOME") == str(home):
            found[row.pid, row.started] = processes.command(row.pid)
    return found


def has_no_mark(key: Key) -> bool:
    """Whether nothing tells whose that process is: it has an empty environment."""
    return processes.marker(key[0], MARKER) is None


def age_at(key: Key, moment: float) -> float:
    """How many seconds that process had lived at a moment of the monotonic clock."""
    # Both clocks go on at one pace; that since boot counts suspensions as well.
    since_boot = moment + time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return since_boot - key[1] / processes.TICKS


def end(seen: dict[Key, str]) -> None:
    """Kill these."""
    for pid, _ in alive(seen):
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
