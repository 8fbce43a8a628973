"""A server whose children wait for a next run, and what its runs tell of their starts."""

import os
import signal
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from clinvk import processes
from clinvk.supervisor.environment import MARKER
from tests import clis
from tests.e2e.clis.conftest import World
from tests.e2e.conftest import DEADLINE, Served, configure
from tests.modelstub.client import Client

TRIES = 6
"""Starts after which a child waits for sure: at their first ones the CLIs furnish their folders."""

ROOMY: Final = MappingProxyType({"pool": {"max_idle_memory_bytes": 4 << 30}})
"""For children of all three, of several kinds, whose tests shall not make room for each other."""


class Told(NamedTuple):
    """A run that has ended: the pid of the child that it was begun with, its events, and its record."""

    pid: int
    events: list[Any]
    run: Any

    @property
    def start(self) -> str:
        """That of the child that answered."""
        return str(self.run["start"])

    @property
    def text(self) -> str:
        return "".join(event["text"] for event in self.events if event["type"] == "text.delta")

    @property
    def session_id(self) -> str:
        return str(self.run["session_id"])


class Pooled(World):
    """A world where children wait."""

    def told(self, backend: str, prompt: str, **fields: Any) -> Told:
        """One prompt, answered, and its child settled: it waits, or is gone."""
        events = self.events(backend, prompt, **fields)
        (started,) = [event for event in events if event["type"] == "run.started"]
        assert events[-1]["state"] == "completed", events[-3:]
        self.settled()
        return Told(started["pid"], events, self.run(events[-1]["run_id"]))

    def warmed(self, backend: str, **fields: Any) -> Told:
        """A new conversation on a child that was there before it, after as many as that takes; one waits again."""
        for _ in range(TRIES):
            before = self.waiting(backend)
            told = self.told(backend, "warm yourself", **{"ephemeral": True, **fields})
            of_this_kind = (self.waiting(backend) - before) | ({told.pid} & self.waiting(backend))
            if told.start == "warm" and of_this_kind:
                return told
        raise AssertionError(f"{TRIES} runs, and none of them met a child that waited")

    def kept(self, backend: str, prompt: str, **fields: Any) -> Told:
        """A turn after which its child waits for the next, once more if it left something."""
        for _ in range(TRIES):
            told = self.told(backend, prompt, **fields)
            if told.pid in self.waiting(backend):
                return told
        raise AssertionError(f"{TRIES} turns, and none of their children waits")

    def settled(self) -> None:
        """See every slot free: what is left then waits, or is being retired by somebody else's wish."""
        until = time.monotonic() + DEADLINE
        while self.served.json("GET", "/health")["runs"]["live"]:
            assert time.monotonic() < until, self.family()

    def waiting(self, backend: str = "") -> set[int]:
        """The pids of the children of that CLI, or of all, while no run is under way."""
        children = [row.pid for row in self.family() if row.ppid == self.served.pid]
        return {pid for pid in children if backend in processes.command(pid) and processes.marker(pid, MARKER)}

    def gone(self, pids: set[int]) -> None:
        """See these end and the server know it, within the deadline."""
        until = time.monotonic() + DEADLINE
        while alive := {pid for pid in pids if processes.read(pid)}:
            assert time.monotonic() < until, f"still there: {alive}"
            self.served.call("GET", "/health").read()

    def reload(self, **settings: Any) -> None:
        """Have the server take these for its settings, beside the room."""
        configure(self.home, **ROOMY, **settings)
        before = self.served.log.read_text().count("reloaded ")
        os.kill(self.served.pid, signal.SIGHUP)
        until = time.monotonic() + DEADLINE
        while self.served.log.read_text().count("reloaded ") == before:
            assert time.monotonic() < until, self.served.log.read_text()
            self.served.call("GET", "/health").read()

    def bodies(self, after: int) -> list[str]:
        """Every request that the stub was sent after its so-manieth, whole."""
        return [self.body(entry) for entry in self.stub.log() if entry["seq"] > after]

    def asked_so_far(self) -> int:
        """How many requests the stub was sent."""
        return max((entry["seq"] for entry in self.stub.log()), default=0)


def is_alive(pid: int) -> bool:
    row = processes.read(pid)
    return row is not None and row.alive


def start(stub: Client, home: Path, more: dict[str, str] | None = None) -> Pooled:
    """A server on `home` whose children wait as they usually do, with room for all that the tests want."""
    environment = clis.environment(home, f"http://127.0.0.1:{stub.port}") | (more or {})
    return Pooled(Served(configure(home, **ROOMY), more=environment), stub, home)
