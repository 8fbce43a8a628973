"""Many prompts in one request with the real CLIs behind them: together, one after the other, and stopped."""

import json
import os
import signal
import subprocess
import sys

from tests import clis, ndjson
from tests.api.groups import most_at_once
from tests.e2e.conftest import DEADLINE

CLIENT = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=200)
connection.request("POST", sys.argv[2], sys.argv[3], {"Content-Type": "application/json"})
connection.getresponse().read()
"""


def member(backend, prompt):
    """One task or step."""
    model = clis.MODELS[backend]
    return {"backend": backend, "prompt": prompt} | ({"model": model} if model else {})


def test_all_clis_answer_one_prompt_side_by_side(world):
    asked = "compare them all [[deltas=30 delay=0.1]]"
    body = {"prompt": asked, "backends": [*clis.NAMES, "demo"], "sandbox_mode": "read-only"}
    reply = world.served.call("POST", "/api/v1/compare", body | {"output_format": "stream-json"})
    events = list(ndjson.events(reply))
    assert (events[-1]["type"], events[-1]["completed"], events[-1]["failed"]) == ("group.finished", 4, 0)
    assert most_at_once(events) >= 2
    for backend in clis.NAMES:
        deltas = [event for event in events if event["type"] == "text.delta" and event["backend"] == backend]
        assert len(deltas) > 2, backend


def test_a_chain_goes_from_one_cli_to_the_next(world):
    first, second, third = clis.NAMES
    steps = [member(first, "begin the chain"), member(second, "then {{previous}}"),
             member(third, "at last {{previous}}")]  # fmt: skip
    answer = world.served.json("POST", "/api/v1/chain", {"steps": steps})
    assert (answer["completed_steps"], answer["failed_step"]) == (3, 0)
    outputs = [result["output"] for result in answer["results"]]
    said = "you said: begin the chain"
    assert outputs == [said, f"you said: then {said}", f"you said: at last you said: then {said}"]


def test_a_client_that_is_killed_midway_leaves_none_of_the_clis(world):
    tasks = [member(backend, f"[[error=hang]] of {backend}") for backend in clis.NAMES]
    body = json.dumps({"tasks": tasks, "max_parallel": 3})
    journal = world.served.call("GET", "/api/v1/events")
    command = [sys.executable, "-c", CLIENT, str(world.served.port), "/api/v1/parallel", body]
    client = subprocess.Popen(command)
    live = set()
    for line in journal:
        event = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: ") else {"type": ""}
        if event["type"] == "run.started":
            live.add(event["run_id"])
        if event["type"] == "run.finished":
            assert event["state"] == "cancelled"
            live.discard(event["run_id"])
        if len(live) == len(tasks) and client.returncode is None:
            assert world.family()
            os.kill(client.pid, signal.SIGKILL)
            client.wait(DEADLINE)
        if client.returncode is not None and not live:
            break
    journal.close()
    assert world.family() == []
