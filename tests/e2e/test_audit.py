"""The audit log and the metrics of the whole program: no start without what was asked for, rotated by SIGHUP."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.e2e.conftest import DEADLINE, Served

pytestmark = pytest.mark.e2e


def configured(home, **server):
    (home / "clinvk").mkdir()
    (home / "clinvk" / "config.yaml").write_text(json.dumps({"server": server}))
    return home


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_server_whose_audit_log_cannot_be_opened_does_not_start(tmp_path):
    home = configured(tmp_path, audit_log=str(tmp_path / "missing" / "audit.jsonl"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CLINVK_HOME": str(home / "clinvk")}
    command = (sys.executable, "-m", "clinvk", "serve", "--port", "0")
    ended = subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert ended.returncode != 0
    assert "starting on" not in ended.stdout
    assert f"The audit log {home}/missing/audit.jsonl cannot be opened: No such file or directory" in ended.stderr
    assert "server.audit_log" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_life_of_the_server_is_written_down_across_a_rotation(tmp_path):
    path, moved = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    served = Served(configured(tmp_path, audit_log=str(path), metrics_enabled=True))
    try:
        served.prompt("/big 5")
        path.rename(moved)
        served.guardian.send_signal(signal.SIGHUP)
        while not path.exists() or not any(line["action"] == "server.reload" for line in lines(path)):
            served.json("GET", "/health")
        served.prompt("/hang", detach=True)
        metrics = served.call("GET", "/metrics").read().decode()
    finally:
        served.end()
    assert [line["action"] for line in lines(moved)] == ["server.start", "run.start"]
    assert [(line["action"], line["via"]) for line in lines(path)] == [
        ("server.reload", "server"),
        ("run.start", "native"),
        ("run.stop", "shutdown"),
        ("server.stop", "server"),
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert 'clinvk_runs_total{backend="demo",dialect="native",state="completed"} 1.0' in metrics
