"""One seed: its plan carried out on a server, and what is wrong after it."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import disturbing
import httpx
import looking
import second
from clients import Client
from disturbing import Disturber
from exchanges import work
from judging import errors, judge
from looking import Looks
from plan import Plan, plan
from server import DEADLINE, Home, NoStart, Server
from told import Told

LONGEST: Final = 60.0
"""Seconds after which clients that have no end are given up."""
_SPARE_FILES: Final = 8
_MUCH: Final = 200 << 20
"""Bytes that no server of a plan grows by."""
_UNSEEN: Final = 3.0
"""Seconds of life before which a process that tells nothing may be missing in the ledger: a look is every two."""

Meddle = Callable[["Chaos"], None]
"""What a test does between the first server's end and the looks at what is left."""


@dataclass
class Result:
    """What came of a seed. `done` counts exchanges, their ends and disturbances."""

    seed: int
    seconds: float
    faults: list[str]
    done: dict[str, dict[str, int]]
    log: list[str] = field(default_factory=list)

    def line(self) -> dict[str, Any]:
        """What is kept of it."""
        told = {"seed": self.seed, "passed": not self.faults, "seconds": round(self.seconds, 2), "done": self.done}
        return told | ({"faults": self.faults} if self.faults else {})


class Chaos:
    """A plan on its way."""

    def __init__(self, what: Plan, folder: Path) -> None:
        self.plan = what
        self.told = Told()
        self.faults: list[str] = []
        self.home = Home(folder, what.settings)
        self.untraced = 0
        self.second_lines: list[str] = []

    def run(self, meddle: Meddle | None = None) -> None:
        """All of it: the first server and its end, the looks, the second server and its end."""
        self.first = Server(self.home)
        self.looks = Looks(self.first.guardian.pid)
        self.disturber = Disturber(self.first, self.home)
        self._before = self._held()
        try:
            asyncio.run(self._first_life())
            if not self.first.has_ended(DEADLINE):
                self.faults.append(f"the server did not end within {DEADLINE:g} s")
            self._look_at_exit()
        finally:
            self.looks.close()
            self.first.close()
        if meddle:
            meddle(self)
        if self.plan.end["kind"] != "both":
            self._nothing_is_left("the end")
        self.faults += judge(self.plan, self.told, self.disturber)
        self.faults += errors(self.first.lines, self.disturber)
        self._second_life()
        self.faults += second.store(self.home.kept / "clinvk.db")

    async def _first_life(self) -> None:
        began = time.monotonic()
        headers, port = self.first.headers, self.first.port
        clients = [Client(number, port, headers, self.told) for number in range(len(self.plan.clients))]
        pairs = zip(clients, self.plan.clients, strict=True)
        working = asyncio.gather(*(work(client, steps, self._is_over) for client, steps in pairs))
        disturbing_ = asyncio.create_task(self.disturber.work(self.plan.disturbances, began))
        if self.plan.end["at"] is not None:
            await asyncio.sleep(began + self.plan.end["at"] - time.monotonic())
            self.disturber.end(self.plan.end["kind"])
        try:
            await asyncio.wait_for(working, LONGEST)
        except TimeoutError:
            self.faults.append(f"clients have no end after {LONGEST:g} s")
        await disturbing_
        if self.plan.end["at"] is None:
            await self._quiet()
            self.disturber.end(self.plan.end["kind"])

    def _is_over(self) -> bool:
        return time.monotonic() > self.disturber.ended_at

    async def _quiet(self) -> None:
        """Nothing is under way, and nothing is held: no child that does not wait, no descriptor, no memory."""
        deadline = time.monotonic() + DEADLINE
        while (why := await self._unrest()) and time.monotonic() < deadline:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)  # it is another process
        if why:
            self.faults.append(f"not quiet: {why}")

    async def _unrest(self) -> str:
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=DEADLINE) as http:
            url = f"http://127.0.0.1:{self.first.port}/health"
            runs = (await http.get(url, headers=self.first.headers)).json()["runs"]
        if runs["live"] or runs["queued"]:
            return f"runs: {runs}"
        if family := [row.pid for row in self.first.family() if row.pid != self.first.pid]:
            return f"processes: {family}"
        (files, memory), (files_before, memory_before) = self._held(), self._before
        if files > files_before + _SPARE_FILES:
            return f"{files} descriptors, {files_before} at the start"
        return f"{memory} bytes of memory, {memory_before} at the start" if memory > memory_before + _MUCH else ""

    def _held(self) -> tuple[int, int]:
        """Descriptors and resident memory of the server."""
        pages = int(Path(f"/proc/{self.first.pid}/statm").read_text().split()[1])
        return disturbing.files(self.first.pid), pages * os.sysconf("SC_PAGE_SIZE")

    def _look_at_exit(self) -> None:
        kind, status = self.plan.end["kind"], self.first.guardian.poll()
        expected = {"SIGTERM": 0, "SIGINT": 0, "SIGKILL": 137}.get(kind, -9)
        if status != expected:
            self.faults.append(f"the guardian's exit status after {kind} is {status}, not {expected}")

    def _nothing_is_left(self, after: str, serving: int = -1) -> None:
        left = looking.alive(self.looks.seen) | looking.marked(self.home.folder, serving)
        if self.plan.end["kind"] == "both":
            left = self._without_untraced(left)
        self.faults += [f"left after {after}: process {pid} {what}" for (pid, _), what in left.items()]
        looking.end(left)

    def _without_untraced(self, left: dict[looking.Key, str]) -> dict[looking.Key, str]:
        """But for those that no ledger can have: young, and without a trace. These are ended here."""
        rows = {
            key
            for key in left
            if looking.has_no_mark(key) and looking.age_at(key, self.disturber.ended_at) < _UNSEEN
        }
        self.untraced += len(rows)
        looking.end({key: left[key] for key in rows})
        return {key: what for key, what in left.items() if key not in rows}

    def _second_life(self) -> None:
        self.home.configure()
        try:
            server = Server(self.home)
        except NoStart as error:
            self.faults.append(f"no second start: {error}")
            return
        looks = Looks(server.guardian.pid)
        try:
            if self.plan.end["kind"] == "both":
                self._nothing_is_left("the second start", server.guardian.pid)
            self.faults += second.Second(server, self.plan, self.told, self.disturber).faults()
            server.guardian.terminate()
            if not server.has_ended(DEADLINE) or server.guardian.poll():
                self.faults.append(f"the second server ends with {server.guardian.poll()}")
        finally:
            looks.close()
            server.close()
        self.looks = looks
        self._nothing_is_left("the second end")
        self.second_lines = server.lines
        self.faults += errors(server.lines, None)
        self.faults += [f"left behind: {path}" for path in self.home.temporary.iterdir()]

    def counts(self) -> dict[str, dict[str, int]]:
        """What was done, and how often."""
        exchanges = self.told.exchanges
        done = {
            "exchanges": Counter(one.kind for one in exchanges),
            "ends": Counter(one.end if one.end != "problem" else one.detail for one in exchanges),
            "disturbances": Counter(one.kind for one in self.disturber.done),
            "end": Counter([f"{self.plan.end['kind']} {'quiet' if self.plan.end['at'] is None else 'amid'}"]),
            "seen": Counter(runs=len(self.told.runs), sessions=len(self.told.sessions), untraced=self.untraced),
        }
        return {name: dict(sorted(counter.items())) for name, counter in done.items()}

    def log(self) -> Iterator[str]:
        """What was done when, in seconds from the first to the last, and what the servers wrote."""
        rows = [(one.since, one.to, f"-- {one.kind} {one.detail}") for one in self.disturber.done]
        rows += [
            (one.began, one.ended, f"{one.name}: {one.end} {one.detail} {one.failed}")
            for one in self.told.exchanges
        ]
        rows.append((self.disturber.ended_at, self.disturber.ended_at, f"== {self.plan.end['kind']}"))
        start = min(row[0] for row in rows)
        yield from (f"{since - start:7.3f} {to - start:7.3f}  {what}" for since, to, what in sorted(rows))
        yield from self.first.lines
        yield "== the second start"
        yield from self.second_lines


def carry_out(seed: int, meddle: Meddle | None = None) -> Result:
    """Carry out the plan of a seed, in a folder of its own that is gone afterwards."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"clinvk-chaos-{seed}-")))
        chaos = Chaos(plan(seed), folder)
        chaos.run(meddle)
        return Result(seed, time.monotonic() - began, chaos.faults, chaos.counts(), list(chaos.log()))
