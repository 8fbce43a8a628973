"""However a run of a real CLI ends, nothing of it is left: tools in sessions of their own included."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests import clis, ndjson
from tests.e2e.clis.conftest import World
from tests.e2e.conftest import DEADLINE, SOAK, Served, gone

ROUNDS = 20 if SOAK else 6
KILLS = 20 if SOAK else 3
TOOL = "(sleep 86400 & tail -s 1000 -f /dev/null | cat)"
LONG_TOOL = "wait [[tool=shell cmd=" + TOOL.replace(" ", "%20").replace("&", "%26") + "]]"


def start_tool(world, backend):
    """A run whose tool is at work, with processes in a session of their own; its stream."""
    stream = world.stream(backend, LONG_TOOL, approval_mode="none", sandbox_mode="full")
    ndjson.until(stream, "tool.started")
    deadline = time.monotonic() + DEADLINE
    while not tools(world):
        assert time.monotonic() < deadline, "the tool never ran"
        world.served.call("GET", "/health").read()
    return stream


def tools(world):
    """The processes that the tool started."""
    return [row for row in world.family() if b"86400" in command(row.pid) or b"/dev/null" in command(row.pid)]


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ended
        return b""


def cancel(world, stream):
    run_id = stream.headers["X-Run-Id"]
    return world.served.json("POST", f"/api/v1/runs/{run_id}/cancel?wait=20")


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_cancelled_in_the_middle_of_a_tool(world, backend, round_):
    stream = start_tool(world, backend)
    family = world.family()
    run = cancel(world, stream)
    assert (run["state"], run["stop_cause"]) == ("cancelled", "client")
    assert gone(family), "a cancelled run has ended when its processes have"
    assert list(ndjson.events(stream))[-1]["type"] == "run.finished"


def test_cancelled_in_the_middle_of_text(world, backend):
    stream = world.stream(backend, "begin [[deltas=2 step=1]]")
    ndjson.until(stream, "text.delta")
    assert cancel(world, stream)["state"] == "cancelled"
    assert world.family() == []


def test_cancelled_before_the_provider_says_anything(world, backend):
    stream = world.stream(backend, f"never {backend} [[error=hang]]")
    ndjson.until(stream, "run.started")
    assert cancel(world, stream)["state"] == "cancelled"
    assert world.family() == []


def test_the_client_is_gone(world, backend):
    stream = start_tool(world, backend)
    family, run_id = world.family(), stream.headers["X-Run-Id"]
    stream.close()
    deadline = time.monotonic() + DEADLINE
    while not gone(family):
        assert time.monotonic() < deadline
        world.served.call("GET", "/health").read()
    assert world.run(run_id)["stop_cause"] == "disconnect"


def test_the_time_is_up_while_a_tool_runs(world, backend):
    answer = world.ask(backend, LONG_TOOL, approval_mode="none", sandbox_mode="full", timeout_secs=8)
    assert answer["exit_code"] == 1
    assert "8 s" in answer["error"]
    assert world.family() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, *[signal.SIGKILL] * KILLS])
def test_the_server_dies(stub, tmp_path, backend, number):
    more = clis.environment(tmp_path, f"http://127.0.0.1:{stub.port}")
    world = World(Served(tmp_path, more=more), stub, tmp_path)
    stream = start_tool(world, backend)
    family = world.served.family()
    os.kill(world.served.pid, number)
    world.served.guardian.wait(DEADLINE)
    assert gone(family)
    stream.close()
    world.served.end()
