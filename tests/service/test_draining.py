"""SIGTERM and SIGINT, sentence by sentence: who may go on, who is refused, and how long."""

import contextlib
import json
import signal
import subprocess

import pytest

from tests.service.conftest import ask

pytestmark = pytest.mark.e2e


@pytest.fixture
def patient(service, tmp_path):
    """A server that gives live runs their time."""
    (tmp_path / "clinvk").mkdir()
    (tmp_path / "clinvk" / "config.yaml").write_text("server:\n  shutdown_grace_secs: 3600\n")
    return service()


def drained(over):
    """Return when the server says, on a connection that is open already, that it drains."""
    while not ask(over, "GET", "/api/v1/status")[1]["draining"]:
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_live_runs_go_on_new_ones_are_refused_and_the_last_end_is_the_servers(patient, number, to):
    open_before, following = to(patient.announced()), to(patient.announced())
    run = patient.start("/hang")
    ask(open_before, "GET", "/health")
    patient.guardian.send_signal(number)
    drained(open_before)
    with pytest.raises(ConnectionRefusedError):
        following.connect()
    for path, body in (
        ("/api/v1/prompt", {"backend": "demo", "prompt": "x"}),
        ("/api/v1/parallel", {"tasks": [{"backend": "demo", "prompt": "x"}]}),
        ("/openai/v1/chat/completions", {"model": "demo", "messages": [{"role": "user", "content": "x"}]}),
    ):
        open_before.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = open_before.getresponse()
        problem = answer.read()
        assert (answer.status, b"shutting-down" in problem) == (503, True), problem
        assert int(answer.headers["Retry-After"]) > 0
    assert ask(open_before, "GET", f"/api/v1/runs/{run}")[1]["state"] == "running"
    assert ask(open_before, "POST", f"/api/v1/runs/{run}/cancel")[0] == 202
    assert patient.code() == 0


def test_who_does_not_end_in_time_is_stopped(service, tmp_path):
    (tmp_path / "clinvk").mkdir()
    (tmp_path / "clinvk" / "config.yaml").write_text("server:\n  shutdown_grace_secs: 0.2\n")
    server = service()
    server.start("/hang")
    server.guardian.terminate()
    assert server.code() == 0
    (run,) = [line for line in server.lines() if line["logger"] == "clinvk.run"]
    assert run["state"] == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_second_signal_waits_for_nobody(patient, number, to):
    over = to(patient.announced())
    patient.start("/hang")
    ask(over, "GET", "/health")
    patient.guardian.send_signal(number)
    drained(over)
    ended = False
    while not ended:  # within half a second it counts as the same signal
        patient.guardian.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            ended = patient.guardian.wait(0.2) is not None
    (run,) = [line for line in patient.lines() if line["logger"] == "clinvk.run"]
    assert (run["state"], patient.lines()[-1]["message"]) == ("cancelled", "stopped")
