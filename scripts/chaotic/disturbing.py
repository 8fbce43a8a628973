"""What is done to a server at work, and how it is ended."""

import asyncio
import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from plan import Step
from server import Home, Server

from clinvk import processes

SMALL_FILE: Final = 8192
HARD: Final = frozenset({"SIGKILL", "both"})
"""Ends that leave the server no time for a word."""


@dataclass
class Done:
    """What was done, from when to when, by the monotonic clock; `to` is endless until it is over."""

    kind: str
    since: float
    to: float = float("inf")
    detail: str = ""


@dataclass
class Disturber:
    """Disturbs one server. `done` tells what, in the order of its beginnings."""

    server: Server
    home: Home
    done: list[Done] = field(default_factory=list)
    ended_at: float = float("inf")
    ended_wall: float = 0.0
    _limits: dict[int, tuple[int, int]] = field(default_factory=dict)

    async def work(self, steps: list[Step], began: float) -> None:
        """Do all of these, each at its moment after `began`."""
        await asyncio.gather(*(self._do(step, began) for step in steps))

    def end(self, kind: str) -> None:
        """Have the server end in that way."""
        self.ended_at, self.ended_wall = time.monotonic(), time.time()
        guardian = self.server.guardian
        match kind:
            case "SIGTERM" | "SIGINT":
                guardian.send_signal(signal.Signals[kind])
            case "SIGKILL":
                os.kill(self.server.pid, signal.SIGKILL)
            case "guardian":
                guardian.kill()
            case "both":
                guardian.send_signal(signal.SIGSTOP)
                os.kill(self.server.pid, signal.SIGKILL)
                guardian.kill()

    def overlapping(self, since: float, to: float, *kinds: str) -> list[Done]:
        """Those of these kinds, or of any, that went on in that time."""
        return [
            one for one in self.done if one.since <= to and since <= one.to and one.kind in (kinds or {one.kind})
        ]

    async def _do(self, step: Step, began: float) -> None:
        await asyncio.sleep(began + step["at"] - time.monotonic())
        if time.monotonic() > self.ended_at:
            return
        one = Done(step["kind"], time.monotonic())
        self.done.append(one)
        try:
            with self._disturbed(step, one):
                await asyncio.sleep(step["secs"])
        except ProcessLookupError:  # it has ended meanwhile
            one.detail += " (gone)"
        one.to = time.monotonic()

    @contextlib.contextmanager
    def _disturbed(self, step: Step, one: Done) -> Iterator[None]:  # noqa: C901  a table of what there is
        match step["kind"]:
            case "kill child" | "term child":
                self._signal(step, one, signal.SIGKILL if step["kind"] == "kill child" else signal.SIGTERM)
                yield
            case "stop child":
                pid = self._signal(step, one, signal.SIGSTOP)
                yield
                if pid:
                    os.kill(pid, signal.SIGCONT)
            case "stop server":
                with self._stopped():
                    yield
            case "reload":
                self.home.configure(max_concurrent_runs=int(1 + step["which"] * 8))
                self._hang_up()
                yield
            case "bad reload":
                self.home.write("server: [")
                self._hang_up()
                yield
                self.home.configure()
            case "full disk":
                with self._limited(resource.RLIMIT_FSIZE, SMALL_FILE):
                    yield
            case "few files":
                with self._limited(resource.RLIMIT_NOFILE, files(self.server.pid) + int(step["which"] * 4)):
                    yield
            case _:
                AGENTS[step["kind"]](self.home)
                yield
                self.home.put_agent()

    def _signal(self, step: Step, one: Done, number: signal.Signals) -> int:
        """Send it to some process below the server; which, 0 if there is none."""
        rows = sorted(processes.tree(self.server.pid).values())
        if not rows:
            one.detail = "nobody"
            return 0
        row = rows[int(step["which"] * len(rows))]
        one.detail = f"{row.pid}: {processes.command(row.pid)[-60:]}"
        os.kill(row.pid, number)
        return row.pid

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.server.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def _limited(self, what: int, limit: int) -> Iterator[None]:
        before = self._limits.setdefault(what, resource.prlimit(self.server.pid, what))
        resource.prlimit(self.server.pid, what, (limit, before[1]))
        try:
            yield
        finally:  # two may overlap: the first to end gives back what there was before either
            resource.prlimit(self.server.pid, what, before)

    def _hang_up(self) -> None:
        self.server.guardian.send_signal(signal.SIGHUP)


def files(pid: int) -> int:
    """How many descriptors a process has open; 0 where nobody may know."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        return 0


def _lock(home: Home) -> None:
    with contextlib.suppress(FileNotFoundError):  # it is gone just now
        home.agent.chmod(0o644)


AGENTS: Final[dict[str, Callable[[Home], None]]] = {
    "no agent": lambda home: home.agent.unlink(missing_ok=True),
    "other agent": lambda home: home.put_agent("#!/bin/sh\necho 0.61.1\nexit 3\n"),
    "locked agent": _lock,
    "broken agent": lambda home: home.put_agent("\x7fELF nothing of the kind"),
    "hung agent": lambda home: home.put_agent("#!/bin/sh\nsleep 2\nexit 1\n"),
}
"""What becomes of the agent's executable for a while."""
