"""When the last process of a family has gone: each is watched by its pidfd, from before the end's cause."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterable

from clinvk import processes
from clinvk.processes import Process

PATIENCE = 15.0
"""Seconds after which who is still there is counted as left."""


class Family:
    """Processes that are to end. Watches them from now on, in a thread."""

    def __init__(self, rows: Iterable[Process]) -> None:
        self._ended: dict[tuple[int, int], float] = {}
        """By pid and start, when each was gone, in monotonic seconds."""
        self._watched: dict[int, tuple[int, int]] = {}
        for row in rows:
            try:
                self._watched[os.pidfd_open(row.pid)] = (row.pid, row.started)
            except ProcessLookupError:
                self._ended[row.pid, row.started] = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._cause = time.monotonic()
        self._thread.start()

    def __len__(self) -> int:
        return len(self._watched) + len(self._ended)

    def cause(self, at: float | None = None) -> None:
        """Now is what they are to end by; `at` in seconds since the epoch, where it was another moment."""
        self._cause = time.monotonic() if at is None else time.monotonic() - (time.time() - at)

    def gone(self, later: Callable[[], Iterable[Process]] = tuple) -> tuple[int, float]:
        """How many are left, those that `later` names included, and the seconds from the cause to the last end."""
        until = time.monotonic() + PATIENCE
        self._thread.join(PATIENCE)
        last = max(self._ended.values(), default=self._cause)
        while (left := list(later())) and time.monotonic() < until:
            last = time.monotonic()
            time.sleep(0.002)
        known = set(self._watched.values()) - set(self._ended)
        now = {(row.pid, row.started) for row in processes.table().values() if row.alive}
        return len((known & now) | {(row.pid, row.started) for row in left}), max(0.0, last - self._cause)

    def _watch(self) -> None:
        poll = select.poll()
        for descriptor in self._watched:
            poll.register(descriptor, select.POLLIN)
        until = time.monotonic() + 10 * PATIENCE
        left = set(self._watched)
        while left and time.monotonic() < until:
            for descriptor, _ in poll.poll(1000):
                self._ended[self._watched[descriptor]] = time.monotonic()
                poll.unregister(descriptor)
                left.discard(descriptor)
        for descriptor in self._watched:
            os.close(descriptor)
