"""What a run may hold in memory: the kernel keeps it to that where it can be told, and looks do everywhere."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from clinvk import processes
from clinvk.processes import Process
from clinvk.supervisor.cgroup import Cgroup
from clinvk.supervisor.descendants import Descendants

_log = logging.getLogger("clinvk.memory")

LOOK_SECS: Final = 0.25
"""Between two looks. What is taken faster than that may be more than the bound for so long."""


class _Watched(NamedTuple):
    cgroup: Cgroup | None
    strike: Callable[[str], None]


class MemoryWatch:
    """Watches children that have a turn, by their markers, as long as there is a bound."""

    def __init__(self, descendants: Descendants, most: int) -> None:
        """`most` are bytes, 0 for no bound."""
        self._descendants = descendants
        self._most = most
        self._watched: dict[str, _Watched] = {}
        self._wanted = asyncio.Event()

    def adjust(self, most: int) -> None:
        """Let that bound hold from now on, for turns under way too."""
        self._most = most
        for watched in self._watched.values():
            self._tell_kernel(watched.cgroup)
        self._heed()

    def begin(self, marker: str, cgroup: Cgroup | None, strike: Callable[[str], None]) -> None:
        """The child has a turn: call `strike(sentence)`, perhaps again and again, once it holds too much."""
        self._watched[marker] = _Watched(cgroup, strike)
        self._tell_kernel(cgroup)
        self._heed()

    def end(self, marker: str) -> str | None:
        """It is over; the sentence, if the kernel has found that it wanted too much."""
        watched = self._watched.pop(marker)
        self._heed()
        return self._sentence if watched.cgroup and self._most and watched.cgroup.was_short else None

    async def keep_looking(self) -> None:
        """Look again and again while there is anything to look for. Runs until cancelled."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(LOOK_SECS)
            with contextlib.suppress(OSError):  # out of descriptors: the next look will do
                await self.look()

    async def look(self) -> None:
        """Strike those that hold too much. Raises OSError."""
        charged = self._descendants.look(rows=await asyncio.to_thread(self._descendants.tree))
        for marker in list(self._watched):
            rows = charged.get(marker, [])
            # Pages that several have in common count once for each here: it is never less than they hold.
            is_suspect = sum(row.memory for row in rows) > self._most
            is_over = is_suspect and await asyncio.to_thread(_held, rows) > self._most
            watched = self._watched.get(marker)
            if watched and self._most and (is_over or (watched.cgroup and watched.cgroup.was_short)):
                watched.strike(self._sentence)

    @property
    def _sentence(self) -> str:
        return f"The run held more than {self._most} bytes of memory (server.max_run_memory_bytes)"

    def _heed(self) -> None:
        if self._most and self._watched:
            self._wanted.set()
        else:
            self._wanted.clear()

    def _tell_kernel(self, cgroup: Cgroup | None) -> None:
        """It knows of new children; of those that were there before another bound held, it does not."""
        if cgroup and cgroup.most != self._most:
            with contextlib.suppress(RuntimeError):  # no thread can be had: looks have to do
                asyncio.get_running_loop().run_in_executor(None, cgroup.bound, self._most)


def _held(rows: list[Process]) -> int:
    """The bytes that they hold together, pages in common counted once; takes its time."""
    return sum(processes.shared_out(row.pid) or (row.memory if processes.read(row.pid) else 0) for row in rows)
