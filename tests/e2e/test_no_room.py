"""A disk that is full, or read-only: runs go on, it is told, and nothing that was acknowledged is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ndjson
from tests.e2e.conftest import Served, configure, until
from tests.e2e.disks import Disk, mounted, refusal

pytestmark = pytest.mark.e2e

SIZE = 4 << 20
NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The disk that servers have their home on."""
    if why := refusal(tmp_path / "trial"):
        pytest.skip(f"no disk of a test's own: {why}")
    with mounted(tmp_path / "clinvk", SIZE) as disk:
        yield disk


@pytest.mark.skipif(os.geteuid() == 0, reason="root mounts disks without one")
@pytest.mark.timeout(240)
def test_in_a_namespace_of_ones_own(tmp_path: Path) -> None:
    """Whoever is not root is, in there."""
    command = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    options = ["-n", "0", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inside'}", __file__]
    pytests = [*command, sys.executable, "-m", "pytest", *options]
    done = subprocess.run(pytests, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def health(served: Served) -> tuple[int, Any]:
    answer = served.call("GET", "/health")
    return answer.status, json.loads(answer.read())


def replay(served: Served, run: str) -> list[Any]:
    events = list(ndjson.events(served.call("GET", f"/api/v1/runs/{run}/events", **NDJSON)))
    assert [event["type"] for event in events].count("run.finished") == 1
    assert events[-1]["type"] == "run.finished"
    return events


def check_kept(served: Served, sessions: list[str], runs: list[str]) -> None:
    for session in sessions:
        assert served.json("GET", f"/api/v1/sessions/{session}")["id"] == session
    for run in runs:
        assert served.json("GET", f"/api/v1/runs/{run}")["state"] == "completed"
        replay(served, run)


def test_a_disk_that_fills_up_costs_nothing_that_was_acknowledged(
    serve: Callable[[], Served], disk: Disk, tmp_path: Path
) -> None:
    audit = disk.folder / "audit.jsonl"
    config = configure(tmp_path, server={"audit_log": str(audit)}) / "clinvk" / "config.yaml"
    written = config.read_bytes()
    served = serve()
    sessions, runs = [], []
    for _ in range(3):
        answer = served.prompt("hello")
        sessions.append(answer["session_id"])
        runs.append(answer["run_id"])
    stream = served.stream("/steady 200 2")
    sessions.append(ndjson.until(stream, "session.bound")["session_id"])
    ndjson.until(stream, "text.delta")
    disk.fill()
    spoken = list(ndjson.events(stream))
    assert (spoken[-1]["type"], spoken[-1]["state"]) == ("run.finished", "completed")
    assert len([event for event in spoken if event["type"] == "text.delta"]) > 100
    runs.append(spoken[-1]["run_id"])

    def without() -> Any:
        answer = served.prompt("hello")
        assert (answer["exit_code"], "demo backend" in answer["output"]) == (0, True), answer
        sessions.extend([answer["session_id"]] if "session_id" in answer else [])
        runs.append(answer["run_id"])
        return None if "session_id" in answer else answer

    assert any("has no session" in notice for notice in until(without)["notices"])
    status, told = health(served)
    assert (status, told["status"], "full" in json.dumps(told)) == (503, "unhealthy", True), told
    refused = served.call("POST", "/api/v1/prompt", {"backend": "demo", "prompt": "x"}, **{"Idempotency-Key": "k"})
    assert refused.status == 503
    for session in sessions:
        assert served.json("GET", f"/api/v1/sessions/{session}")["id"] == session
    assert set_key(tmp_path, served).returncode != 0
    assert config.read_bytes() == written
    disk.free()
    until(lambda: health(served)[0] == 200)
    runs.append(served.prompt("hello", session_id=sessions[0])["run_id"])
    sessions.append(served.prompt("hello")["session_id"])
    assert set_key(tmp_path, served).returncode == 0
    check_kept(served, sessions, [run for run in runs if served.call("GET", f"/api/v1/runs/{run}").status == 200])
    served.end()
    served = serve()
    check_kept(served, sessions, runs)
    check_whole(disk)


def check_whole(disk: Disk) -> None:
    """No file was left that is only half there."""
    files = {path.name: path for path in disk.folder.rglob("*") if path.is_file()}
    lines = {name for name in files if name.endswith((".ndjson", ".jsonl"))}
    assert files.keys() - lines <= {"config.yaml", *(f"clinvk.db{end}" for end in ("", "-wal", "-shm", "-lock"))}
    for name in lines:
        data = files[name].read_bytes()
        assert all(map(json.loads, data.splitlines())), name
        assert data[-1:] in {b"", b"\n"}, name


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_disk_that_takes_nothing_from_the_very_start(
    serve: Callable[[], Served], disk: Disk, tmp_path: Path, how: str
) -> None:
    served = serve()
    session, run = (served.prompt("hello")[name] for name in ("session_id", "run_id"))
    served.end()
    before = (disk.folder / "clinvk.db").read_bytes()
    disk.fill() if how == "full" else disk.protect()
    served = serve()
    answer = served.prompt("hello")
    assert (answer["exit_code"], "session_id" in answer) == (0, False), answer
    assert any("has no session" in notice for notice in answer["notices"])
    status, told = health(served)
    assert (status, told["status"]) == (503, "unhealthy"), told
    assert told["session_store"]["reason"] == "it could not be opened"
    assert ("disk is full" if how == "full" else "Read-only") in served.log.read_text()
    served.kill()
    disk.free() if how == "full" else disk.unprotect()
    assert (disk.folder / "clinvk.db").read_bytes() == before
    served = serve()
    check_kept(served, [session], [run])
    assert served.prompt("hello", session_id=session)["continuation"] == "resumed"
    assert health(served)[0] == 200


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_disk_that_takes_nothing_of_what_runs_say(
    serve: Callable[[], Served], disk: Disk, tmp_path: Path, how: str
) -> None:
    with mounted(disk.folder / "runs", SIZE) as spool:
        spool.fill() if how == "full" else spool.protect()
        served = serve()
        answer = served.prompt("hello")
        assert (answer["exit_code"], "session_id" in answer) == (0, True), answer
        assert replay(served, answer["run_id"])[0]["seq"] == 0
        assert health(served)[0] == 200
        assert ("No space left" if how == "full" else "not writable") in served.log.read_text()
        served.end()
        served = serve()
        check_kept(served, [answer["session_id"]], [answer["run_id"]])
        assert "later events of this run were not kept" in replay(served, answer["run_id"])[0]["message"]
        served.end()


def set_key(tmp_path: Path, served: Served) -> Any:
    command = [sys.executable, "-m", "clinvk", "config", "set", "default_backend", "demo"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CLINVK_HOME": str(tmp_path / "clinvk")}
    return subprocess.run(command, env=env, check=False, capture_output=True, text=True, cwd=tmp_path)
