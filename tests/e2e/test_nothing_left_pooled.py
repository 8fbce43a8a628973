"""Whatever ends, nothing is left but children that wait while the server serves, and nothing at all after it."""

import contextlib
import os
import re
import signal
import time

import pytest

from clinvk import processes
from clinvk.supervisor.environment import MARKER
from tests import ndjson
from tests.e2e.conftest import DEADLINE, PROMPTLY, SOAK, Served, configure, gone

pytestmark = pytest.mark.e2e

ROUNDS = 100 if SOAK else 2
WORDS = ("hello", "/tool", "/think why", "/fail", "/crash", "/garbage", "/stderr")
MOST = 4
LIMITS = {"pool": {"max_idle_children": MOST}}


@contextlib.contextmanager
def pooled(home):
    """A server with children that wait: two that have answered, and those that were started ahead."""
    home.mkdir(exist_ok=True)
    served = Served(configure(home, **LIMITS))
    try:
        streams = [served.stream("hello", ephemeral=ephemeral) for ephemeral in (True, False)]
        for stream in streams:
            assert list(ndjson.events(stream))[-1]["state"] == "completed"
        assert settled(served)
        yield served
    finally:
        served.end()


def below(served):
    """The living processes below the server."""
    return [row for row in served.family() if row.pid != served.pid and row.alive]


def settled(served):
    """The children that wait, once no run has one; nothing else is below the server, and no more than may wait."""
    until = time.monotonic() + DEADLINE
    while True:
        is_idle, children = not served.json("GET", "/health")["runs"]["live"], below(served)
        if is_idle and all(waits(served, row) for row in children) and len(children) <= MOST:
            return children  # where there are more, one of them makes room just now
        assert time.monotonic() < until, [processes.command(row.pid) for row in children]


def waits(served, row):
    """Whether it is a child of the demo backend itself, and none of what that may start."""
    is_child = row.ppid == served.pid and row.sid == row.pid
    return is_child and "democli" in processes.command(row.pid) and processes.marker(row.pid, MARKER) is not None


def unpleasant(served):
    """A run with four processes that do not want to end, its stream, and all of its processes."""
    before = {(row.pid, row.started) for row in below(served)}
    stream = served.stream("/children")
    told = b""
    while len(re.findall(rb"pid \d+", told)) < 4:
        told += stream.readline()
    child = served.json("GET", f"/api/v1/runs/{stream.headers['X-Run-Id']}")["pid"]
    newer = [row for row in below(served) if (row.pid, row.started) not in before and not waits(served, row)]
    family = [processes.read(child), *newer]
    assert len(family) >= 5
    return stream, family


def by_cancel(served, stream):
    path = f"/api/v1/runs/{stream.headers['X-Run-Id']}"
    assert served.json("POST", f"{path}/cancel?wait=20")
    assert served.json("GET", path)["stop_cause"] == "client"


def by_leaving(served, stream):
    stream.close()
    run_id = stream.headers["X-Run-Id"]
    served.end_of(run_id)
    assert served.json("GET", f"/api/v1/runs/{run_id}")["stop_cause"] == "disconnect"


def by_crash(served, stream):
    os.kill(served.json("GET", f"/api/v1/runs/{stream.headers['X-Run-Id']}")["pid"], signal.SIGSEGV)
    assert list(ndjson.events(stream))[-1]["error"]["code"] == "backend_exited"


@pytest.mark.timeout(60 + ROUNDS * 15)
@pytest.mark.parametrize("end", [by_cancel, by_leaving, by_crash])
def test_a_run_that_ends_leaves_those_who_wait_and_nobody_else(tmp_path, end):
    with pooled(tmp_path) as served:
        for _ in range(ROUNDS):
            stream, family = unpleasant(served)
            end(served, stream)
            settled(served)
            assert gone(family)
            stream.close()


@pytest.mark.timeout(60 + ROUNDS * 15)
def test_a_timeout_does(tmp_path):
    with pooled(tmp_path) as served:
        for _ in range(ROUNDS):
            child = served.json("GET", f"/api/v1/runs/{served.start('/hang')}")["pid"]
            answer = served.prompt("/children", timeout_secs=0.7)
            assert "total of 0.7 s" in answer["error"]
            for run in served.json("GET", "/api/v1/runs?state=running")["runs"]:
                served.call("POST", f"/api/v1/runs/{run['id']}/cancel?wait=20").read()
            assert child not in {row.pid for row in settled(served)}


@pytest.mark.timeout(60 + ROUNDS * 15)
def test_so_does_one_that_ends_well(tmp_path):
    with pooled(tmp_path) as served:
        for _ in range(ROUNDS):
            for number, words in enumerate(WORDS):
                served.prompt(words, ephemeral=number % 2 == 0)
            assert settled(served)


@pytest.mark.timeout(60 + ROUNDS * 15)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_a_server_that_ends_leaves_nobody(tmp_path, number, busy):
    for round_ in range(ROUNDS):
        with pooled(tmp_path / str(round_)) as served:
            waiting = settled(served)
            stream = unpleasant(served)[0] if busy else None
            family = served.family()
            assert {row.pid for row in waiting} <= {row.pid for row in family}
            target = served.pid if number == signal.SIGKILL else served.guardian.pid
            os.kill(target, number)
            served.guardian.wait(PROMPTLY)
            assert gone(family)
            if stream:
                stream.close()


@pytest.mark.timeout(60)
def test_a_child_that_is_stopped_while_it_waits_ends_with_its_server(tmp_path):
    with pooled(tmp_path) as served:
        for row in settled(served):
            os.kill(row.pid, signal.SIGSTOP)
        family = served.family()
        served.guardian.terminate()
        served.guardian.wait(DEADLINE)
        assert gone(family)
