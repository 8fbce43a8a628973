"""Which process belongs to which child: by ancestry that was seen, session, control group, environment's marker.

A CLI starts its tools in sessions of their own, and a tool may fork twice and let its parent die. The
server adopts such orphans (it is a subreaper), and this is where they are charged to a child and ended
with it. One that left no trace at all, where there are no groups, is ended with the last of the children alive at
its birth.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from clinvk import processes
from clinvk.processes import Process
from clinvk.supervisor import cgroup, inspection
from clinvk.supervisor.cgroup import Cgroup
from clinvk.supervisor.cgroups import NOWHERE, Cgroups
from clinvk.supervisor.environment import MARKER
from clinvk.supervisor.ledger import ANYBODYS
from clinvk.views import ProcessView, Resources

_log = logging.getLogger("clinvk.descendants")

_ROUND_SECS: Final = 0.005
_BLIND_ROUND_SECS: Final = 0.1
_ROUNDS: Final = 1000
LOOK_SECS: Final = 2.0


@dataclass(slots=True)
class _Family:
    """One child and what was ever seen below it."""

    pid: int
    started: int
    known_as: str
    """Whose its processes are to `on_seen`."""
    cgroup: Cgroup | None = None
    seen: set[tuple[int, int]] = field(default_factory=set)
    sessions: set[int] = field(default_factory=set)
    ending: bool = False
    resting: bool = False
    """Whether it has no turn: what is born then is not of its doing."""
    looked: float = 0.0
    """When it was last measured, in clock ticks since boot: at first its birth."""
    ticks: dict[tuple[int, int], int] = field(default_factory=dict)
    """What each process had used of the CPU by then."""
    usage: Resources | None = None

    def measure(self, rows: list[Process], now: float) -> None:
        """Take what its living processes use, `now` in clock ticks since boot."""
        ticks = {(row.pid, row.started): row.ticks for row in rows}
        used = sum(spent - self.ticks.get(key, 0) for key, spent in ticks.items())
        share = used / max(1.0, now - self.looked)
        self.usage = Resources(len(rows), sum(row.memory for row in rows), round(share, 3))
        self.looked, self.ticks = now, ticks


class Descendants:
    """The server's living descendants, by the child they are charged to. Children go by their marker."""

    def __init__(
        self,
        root: int | None = None,
        on_seen: Callable[[str, Process], None] = lambda _marker, _row: None,
        cgroups: Cgroups = NOWHERE,
    ) -> None:
        """`on_seen` hears of each process when it is seen first, by the marker of its child or as anybody's.

        `cgroups` are where children are to be.
        """
        self.cgroups = cgroups
        self._on_seen = on_seen
        self._root = root or os.getpid()
        self._session = os.getsid(self._root)
        self._families: dict[str, _Family] = {}
        self._strangers: dict[tuple[int, int], set[str]] = {}
        self._nobodys: set[int] = set()
        """Those of them that nobody who works can have begun, at the last look."""
        # Whoever was there before any child of ours is none of our business.
        self._elders = {(row.pid, row.started) for row in processes.descendants(self._root, processes.table())}

    def enrol(self, marker: str, pid: int, cgroup: Cgroup | None = None, known_as: str | None = None) -> None:
        """A child was started; `marker` is in its environment, and it is moved into `cgroup`.

        `on_seen` hears of its processes by its marker, or by `known_as`.
        """
        row = processes.read(pid)
        born = row.started if row else 0
        known = marker if known_as is None else known_as
        family = _Family(pid, born, known, cgroup, sessions={pid}, looked=born or processes.now())
        self._families[marker] = family
        if row:
            family.seen.add((pid, born))
            self._on_seen(known, row)

    def look(self, last: str | None = None, rows: dict[int, Process] | None = None) -> dict[str, list[Process]]:
        """Charge every living descendant, parents before their children, and remember what can be seen of it now.

        `last` is the child to charge with what only ending children could be charged with; `rows` is the table of
        processes, if it was just read.
        """
        self._nobodys.clear()
        charged: dict[str, list[Process]] = {marker: [] for marker in self._families}
        owner: dict[int, str] = {}
        living: set[tuple[int, int]] = set()
        for row in processes.descendants(self._root, processes.table() if rows is None else rows):
            living.add((row.pid, row.started))
            marker = owner.get(row.ppid) or self._claim(row, last)
            if marker is None:
                continue
            owner[row.pid] = marker
            self._remember(marker, row)
            if row.alive:
                charged[marker].append(row)
        self._strangers = {key: who for key, who in self._strangers.items() if key in living}
        return charged

    def glance(self) -> None:
        """Look below this process only, not at the whole machine: for ancestry, not for an end. Raises OSError."""
        self.look(rows=self.tree())

    def tree(self) -> dict[int, Process]:
        """Who is below this process, as `look` takes it. May be read in a thread. Raises OSError."""
        return processes.tree(self._root)

    def usage(self, marker: str) -> Resources | None:
        """What the child's processes took when they were last measured; None before that, and once it is gone."""
        family = self._families.get(marker)
        return family.usage if family else None

    async def inspect(self, marker: str) -> tuple[ProcessView, ...]:
        """The child's living processes, parents before their children. Does not hold the loop meanwhile."""
        rows = await asyncio.to_thread(processes.table)
        charged = self.look(rows=rows).get(marker, [])
        return await asyncio.to_thread(inspection.of, charged)

    def begin(self, marker: str) -> None:
        """The child has a turn again."""
        self._families[marker].resting = False

    def rest(self, marker: str) -> None:
        """The child has no turn, or no more."""
        self._families[marker].resting = True

    def remains(self, marker: str) -> list[Process]:
        """The living processes of a child that rests, parents before their children. Raises OSError.

        What tells nothing of where it comes from, and can be nobody else's, is among them.
        """
        family = self._families[marker]
        rows = self.look(last=marker, rows=processes.tree(self._root))[marker]
        living = {(row.pid, row.started) for row in rows}
        family.seen &= living  # a child that lives long shall not remember all that it ever started
        family.sessions &= {row.sid for row in rows} | {family.pid}
        return rows

    async def end(self, marker: str) -> None:
        """KILL every process charged to the child until none is left, and remove its group."""
        family = self._families[marker]
        family.ending = True
        await self._end_charged(marker, family)
        if family.cgroup and not family.cgroup.is_gone:  # made or not: after this it never will be
            await _end_group(family.cgroup)

    async def _end_charged(self, marker: str, family: _Family) -> None:
        at_a_stroke = family.cgroup
        for _ in range(_ROUNDS):
            try:
                charged = self._left(marker)
            except OSError:  # out of descriptors, so that nobody can be looked for
                self._end_unseen(family.pid)
                await asyncio.sleep(_BLIND_ROUND_SECS)
                continue
            if not charged:
                break
            for row in charged:
                with contextlib.suppress(ProcessLookupError):  # gone by itself meanwhile
                    os.kill(row.pid, signal.SIGKILL)
            if at_a_stroke:  # now that ancestry was seen: not all were born in the group
                await _end_group(at_a_stroke)
                at_a_stroke = None
            else:
                await asyncio.sleep(_ROUND_SECS)
        else:
            _log.error("processes of %s do not die", marker)

    def _left(self, marker: str) -> list[Process]:
        """Who has to end with the child. Raises OSError. That nobody does is believed when it is seen twice."""
        for _ in range(2):
            rows = processes.tree(self._root)
            charged = self.look(last=marker, rows=rows)[marker]
            self.reap(rows)
            if charged:
                break
        return charged

    def forget(self, marker: str) -> None:
        """The child has ended and its exit status is taken."""
        del self._families[marker]

    def reap(self, rows: dict[int, Process] | None = None) -> None:
        """Take the exit status of adopted orphans. Those of our own children are their owners' to take.

        `rows` is the table of processes, if it was just read.
        """
        ours = {family.pid for family in self._families.values()}
        for row in (processes.table() if rows is None else rows).values():
            if row.ppid == self._root and row.state == "Z" and row.pid not in ours:
                with contextlib.suppress(ChildProcessError):  # its owner was quicker
                    os.waitpid(row.pid, os.WNOHANG)

    async def keep_looking(self) -> None:
        """Look now and then, so that ancestry is known before it is lost. Runs until cancelled.

        The table is read in a thread: of some hundred processes it takes longer than a token should wait.
        """
        while True:
            await asyncio.sleep(LOOK_SECS)
            with contextlib.suppress(OSError):  # out of descriptors: the next look will do
                if self._families or processes.children(self._root):
                    rows = await asyncio.to_thread(processes.table)
                    self._measure(self.look(rows=rows))
                    self._end_nobodys()
                    self.reap(rows)

    def _end_nobodys(self) -> None:
        """KILL what none of the children that work can have begun: no end of theirs would end it."""
        for pid in self._nobodys:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _measure(self, charged: dict[str, list[Process]]) -> None:
        now = processes.now()
        for marker, rows in charged.items():
            if rows:  # or it was started after they were read
                self._families[marker].measure(rows, now)

    def _end_unseen(self, leader: int) -> None:
        """KILL the child and its group. Its number is nobody else's as long as its exit status waits for us."""
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            os.waitid(os.P_PID, leader, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            os.killpg(leader, signal.SIGKILL)

    def _claim(self, row: Process, last: str | None) -> str | None:
        key = (row.pid, row.started)
        for marker, family in self._families.items():
            if row.pid == family.pid or key in family.seen or row.sid in family.sessions:
                return marker
        marked = self._housing(row.pid) or processes.marker(row.pid, MARKER)
        if marked in self._families:
            return marked
        if row.ppid == self._root and row.alive and key not in self._elders:  # whosever it says that it is
            return self._charge_stranger(row, last)
        return None

    def _housing(self, pid: int) -> str | None:
        """The child whose group a process is in, or in one that a tool made below it."""
        named = {family.cgroup.name: marker for marker, family in self._families.items() if family.cgroup}
        path = cgroup.path_of(pid) if named else None
        return next((named[name] for name in path.split("/") if name in named), None) if path else None

    def _charge_stranger(self, row: Process, last: str | None) -> str | None:
        """Charge a process that tells nothing to the last child alive at its birth, once it is the last."""
        key = (row.pid, row.started)
        if key not in self._strangers:
            born = {marker for marker, family in self._families.items() if family.started <= key[1]}
            self._strangers[key] = born
            self._on_seen(ANYBODYS, row)
        going_on = {name for name, family in self._families.items() if not (family.ending or family.resting)}
        candidates = self._strangers[key] & going_on
        if not candidates:
            self._nobodys.add(key[0])
            return last
        return next(iter(candidates)) if len(candidates) == 1 else None

    def _remember(self, marker: str, row: Process) -> None:
        family = self._families[marker]
        if row.sid != self._session:  # which it leaves in the moment after its fork: others are in it
            family.sessions.add(row.sid)
        if (row.pid, row.started) not in family.seen:
            family.seen.add((row.pid, row.started))
            if row.alive:  # the next server could do no more to it
                self._on_seen(family.known_as, row)


async def _end_group(group: Cgroup) -> None:
    try:
        await asyncio.to_thread(group.end)
    except RuntimeError:  # no thread can be had: somebody may have forked too often, and has to end
        group.end()
