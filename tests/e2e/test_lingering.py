"""The whole program, and what agents leave running on purpose: while it serves, and after its end."""

import os
import re
import signal
import urllib.request

import pytest

from clinvk import processes
from tests.e2e.conftest import DEADLINE, PROMPTLY, Served, configure, gone, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]


@pytest.fixture
def lenient(tmp_path):
    """A server that lets two runs leave something."""
    server = Served(configure(tmp_path, linger={"max_secs": 60, "max_runs": 2}))
    yield server
    server.end()


def leave(served, **fields):
    """The id of a run that left a server, once it is known to linger; the server, and its address."""
    answer = served.prompt("/server", **{"linger_secs": 60, **fields})
    until(lambda: f"what {answer['run_id']} left may live on" in served.log.read_text())
    pid, url = re.search(r"pid (\d+) answers at (\S+)", answer["output"]).groups()
    return answer["run_id"], processes.read(int(pid)), url


def lingering(served):
    return [run["id"] for run in served.json("GET", "/api/v1/runs?lingering=true")["runs"]]


def says_hello(url):
    with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
        return b"Hello" in answer.read()


def test_a_server_that_an_agent_started_serves_until_it_is_cancelled(lenient):
    run_id, row, url = leave(lenient)
    assert says_hello(url)
    assert lingering(lenient) == [run_id]
    assert lenient.json("GET", "/health")["runs"]["live"] == 0
    run = lenient.json("POST", f"/api/v1/runs/{run_id}/cancel?wait=20")
    assert run["state"] == "completed"
    assert gone([row])
    assert lingering(lenient) == []


def test_it_ends_when_its_time_is_up_and_beyond_the_limit_and_by_itself(lenient):
    run_id, row, _ = leave(lenient, linger_secs=1)
    until(lambda: row is None or gone([row]))  # its second may have been over when it was looked for
    until(lambda: run_id not in lingering(lenient))
    first, second, third = [leave(lenient) for _ in range(3)]
    until(lambda: gone([first[1]]))
    until(lambda: lingering(lenient) == [third[0], second[0]])
    child = processes.read(processes.read(second[1].pid).ppid)
    os.kill(second[1].pid, signal.SIGKILL)
    until(lambda: lingering(lenient) == [third[0]])
    assert gone([child])
    assert says_hello(third[2])


def test_a_run_that_does_not_end_well_leaves_nothing(lenient):
    lenient.prompt("/children", timeout_secs=0.7, linger_secs=60)
    run_id = lenient.prompt("/children", detach=True, linger_secs=60)["id"]
    lenient.json("POST", f"/api/v1/runs/{run_id}/cancel?wait=20")
    until(lambda: lenient.json("GET", "/health")["runs"]["live"] == 0)
    assert lingering(lenient) == []
    assert not [row for row in lenient.family() if row.alive and "sleep" in processes.command(row.pid)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_server_that_ends_leaves_nothing_that_lingers(lenient, number):
    _, row, _ = leave(lenient)
    family = [row, *lenient.family()]
    os.kill(lenient.pid if number == signal.SIGKILL else lenient.guardian.pid, number)
    lenient.guardian.wait(PROMPTLY)
    assert gone(family)


def test_what_a_killed_server_and_its_guardian_left_is_ended_by_the_next(tmp_path):
    (tmp_path / "tmp").mkdir()
    alone = {"TMPDIR": str(tmp_path / "tmp")}  # else any other server that starts just now does it
    lenient = Served(configure(tmp_path, linger={"max_secs": 60}), more=alone)
    _, row, _ = leave(lenient)
    lenient.guardian.send_signal(signal.SIGSTOP)  # as if both had died in the same moment
    os.kill(lenient.pid, signal.SIGKILL)
    lenient.guardian.kill()
    lenient.end()
    following = Served(tmp_path, more=alone)
    try:
        until(lambda: gone([row]))
        assert lingering(following) == []
    finally:
        following.end()


def test_it_is_off_by_default(served):
    answer = served.prompt("/server", linger_secs=1)
    assert answer["errors"][0]["path"] == "/linger_secs"
    told = served.prompt("/server")["output"]
    row = processes.read(int(re.search(r"pid (\d+)", told)[1]))
    until(lambda: row is None or gone([row]))
