"""Many prompts in one request, with the whole program: nothing of them is left, whatever becomes of the client."""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import subprocess

import pytest

from tests import ndjson
from tests.api.groups import most_at_once
from tests.e2e.conftest import DEADLINE

MEMBERS = ("/api/v1/parallel", {"tasks": [{"backend": "demo", "prompt": "/children"}] * 12, "max_parallel": 4})
LINK = ("/api/v1/chain", {"steps": [{"backend": "demo", "prompt": "/children"}] * 3})
ALL = ("/api/v1/compare", {"prompt": "/children", "backends": ["demo"]})


def events_of(served, path, body):
    """Every event of a stream."""
    reply = served.call("POST", path, {"output_format": "stream-json", **body})
    return list(ndjson.events(reply))


def runs_of(served, group_id, query=""):
    return served.json("GET", f"/api/v1/runs?group_id={group_id}&limit=200{query}")


def children(served):
    """Every process of the demo backend that is there."""
    return [row for row in served.family() if row.pid != served.pid and row.alive]


def test_two_hundred_tasks_run_eight_at_a_time(served):
    tasks = [{"backend": "demo", "prompt": "hello" if n % 25 == 0 else "/big 5"} for n in range(200)]
    events = events_of(served, "/api/v1/parallel", {"tasks": tasks, "max_parallel": 8})
    last = events[-1]
    assert (last["type"], last["total"], last["completed"], last["failed"]) == ("group.finished", 200, 200, 0)
    assert 2 <= most_at_once(events) <= 8
    assert sorted(event["task"] for event in events if event["type"] == "run.finished") == list(range(200))
    assert runs_of(served, last["group_id"], "&state=completed")["total"] == 200


def test_a_chain_of_three_hands_its_answers_on(served):
    steps = [{"backend": "demo", "prompt": "/big 5"}, {"backend": "demo", "prompt": "/big 6 {{previous}}"},
             {"backend": "demo", "prompt": "so: {{previous}}"}]  # fmt: skip
    answer = served.json("POST", "/api/v1/chain", {"steps": steps})
    assert answer["completed_steps"] == 3
    runs = runs_of(served, answer["group_id"])["runs"]
    assert [run["prompt_preview"] for run in runs] == ["so: the de", "/big 6 the d", "/big 5"]
    for later, earlier in itertools.pairwise(runs):
        assert later["started_at"] >= earlier["finished_at"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("form", ["json", "stream-json"])
@pytest.mark.parametrize(("path", "body"), [MEMBERS, LINK, ALL], ids=lambda value: str(value)[8:16])
def test_a_client_that_is_killed_midway_leaves_nothing(served, path, body, form):
    data = json.dumps(body | {"output_format": form})
    url = f"http://127.0.0.1:{served.port}{path}"
    journal = served.call("GET", "/api/v1/events", **{"Last-Event-ID": "-1"})
    command = ["curl", "-sN", "-H", "Content-Type: application/json", "-d", data, url]
    client = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    started = finished = 0
    expected = min(4, len(body.get("tasks", [0])))
    for line in journal:
        event = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: ") else {"type": ""}
        started += event["type"] == "run.started"
        finished += event["type"] == "run.finished"
        if started == expected and client.returncode is None:
            assert children(served)
            os.kill(client.pid, signal.SIGKILL)
            client.wait(DEADLINE)
        if started == finished == expected:
            break
    group_id = event["group_id"]
    assert (event["state"], children(served)) == ("cancelled", [])
    runs = runs_of(served, group_id)["runs"]
    assert [run["stop_cause"] for run in runs] == ["disconnect"] * expected
    journal.close()


def test_a_server_that_is_killed_midway_leaves_nothing_and_tells_how_each_run_ended(serve):
    first = serve()
    path, body = MEMBERS
    reply = first.call("POST", path, body | {"output_format": "stream-json"})
    for _ in range(4):
        event = ndjson.until(reply, "run.started")
    first.kill()
    with contextlib.suppress(OSError, http.client.HTTPException):
        reply.read()
    assert first.family() == []
    runs = runs_of(serve(), event["group_id"])["runs"]
    assert [(run["state"], run["error"]["code"]) for run in runs] == [("failed", "interrupted")] * 4
