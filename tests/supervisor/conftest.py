"""Supervisors that keep their runs and sessions, run logs without one, and processes of no run."""

import subprocess
import time
from dataclasses import replace

import pytest

from clinvk import processes
from clinvk.backends.demo.backend import DemoBackend
from clinvk.clock import SystemClock
from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor import cgroup, pool
from clinvk.supervisor.environment import MARKER
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.log import EventLog
from clinvk.supervisor.sessions import SessionOptions
from tests.conftest import DEADLINE, FakeBackend
from tests.supervisor.leftovers import SLEEP
from tests.supervisor.logs import LABELS


@pytest.fixture(autouse=True)
def looks_are_ours(monkeypatch):
    """Children that wait are looked after when a test says so, and at no other moment of a slow one."""
    monkeypatch.setattr(pool, "LOOK_SECS", 3600.0)


@pytest.fixture(autouse=True)
def groups_are_waited_for(monkeypatch):
    """A control group is given up when all else would be, too: who is killed is gone once he has had a core."""
    monkeypatch.setattr(cgroup, "_ROUNDS", int(DEADLINE / cgroup._ROUND_SECS))


@pytest.fixture
def patient(monkeypatch):
    """A child that ends in good order has the time for it: the next rung is not for one that is only slow."""
    for backend in (FakeBackend, DemoBackend):
        ladders = {
            name: tuple(rung._replace(grace=DEADLINE) for rung in getattr(backend.traits, name))
            for name in ("stop", "retire")
        }
        monkeypatch.setattr(backend, "traits", replace(backend.traits, **ladders))


@pytest.fixture
def keep(tmp_path):
    """Opens the same home again and again."""

    async def make(**options):
        home = tmp_path / "home"
        return Keeping(Spool(home / "runs"), await Store.open(home), SessionOptions(**options))

    return make


@pytest.fixture
async def kept(new_stage, keep):
    """A stage whose runs are kept."""
    return new_stage(keeping=await keep())


@pytest.fixture
async def spool(tmp_path):
    spool = Spool(tmp_path / "runs")
    yield spool
    await spool.close()


@pytest.fixture
async def log(spool):
    """The log of a run that is written to disk."""
    return EventLog(SystemClock(), LABELS, spool.open("run_1"))


@pytest.fixture
def started():
    """Starts processes, each in a session of its own, and ends them all."""
    running = []

    def start(marker=None, command=SLEEP, cwd=None):
        variables = {MARKER: marker} if marker else {}
        running.append(subprocess.Popen(command, env=variables, start_new_session=True, cwd=cwd))
        pid, until = running[-1].pid, time.monotonic() + DEADLINE
        # Of one that has just begun it cannot be read yet; of one that has ended, not any more.
        while processes.read(pid).alive and processes.marker(pid, MARKER) != marker:
            assert time.monotonic() < until
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.wait()
