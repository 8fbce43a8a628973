"""What the whole program keeps: over SIGKILL, beside a second server, and without a store that works."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from tests import ndjson
from tests.e2e.conftest import Served


def test_a_session_and_a_detached_run_outlive_sigkill(serve: Callable[..., Served]) -> None:
    served = serve()
    session = served.prompt("remember the swan")["session_id"]
    run = served.start("/hang")
    served.kill()
    served = serve()
    told = served.json("GET", f"/api/v1/runs/{run}")
    assert (told["state"], told["error"]["code"]) == ("failed", "interrupted")
    stream = served.call("GET", f"/api/v1/runs/{run}/events", Accept="application/x-ndjson")
    events = list(ndjson.events(stream))
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "run.finished"
    assert events[-1]["error"]["code"] == "interrupted"
    answer = served.prompt("/recall", session_id=session)
    assert (answer["continuation"], "remember the swan" in answer["output"]) == ("resumed", True)


def test_what_a_run_said_lives_as_long_as_its_session_however_old_it_is(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    served = serve()
    run = served.prompt("hello")["run_id"]
    served.end()
    os.utime(tmp_path / "clinvk" / "runs" / f"{run}.ndjson", (0, 0))
    said = serve().call("GET", f"/api/v1/runs/{run}/events", Accept="application/x-ndjson").read()
    assert b'"text.delta"' in said


def test_a_session_whose_turn_was_killed_takes_the_next_one(serve: Callable[..., Served]) -> None:
    served = serve()
    stream = served.stream("/hang")
    session = ndjson.until(stream, "session.bound")["session_id"]
    served.kill()
    served = serve()
    assert served.json("GET", f"/api/v1/sessions/{session}")["status"] == "error"
    assert served.prompt("hello", session_id=session)["exit_code"] == 0
    assert served.json("GET", f"/api/v1/sessions/{session}")["turn_count"] == 2


def test_a_second_server_on_one_home_has_no_sessions_and_says_so(serve: Callable[..., Served]) -> None:
    first, second = serve(), serve()
    health = second.call("GET", "/health")
    assert (health.status, json.loads(health.read())["status"]) == (503, "unhealthy")
    answer = second.prompt("hello")
    assert (answer["exit_code"], "session_id" in answer) == (0, False)
    assert second.json("GET", "/api/v1/sessions")["status"] == 503
    assert f"in use by another clinvk server, pid {first.pid}" in second.log.read_text("utf-8")
    assert first.json("GET", "/health")["status"] == "ok"


def test_without_a_store_that_can_be_opened_prompts_still_run(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    (tmp_path / "clinvk" / "clinvk.db").mkdir(parents=True)
    served = serve()
    assert served.call("GET", "/health").status == 503
    lines = list(ndjson.events(served.stream("hello")))
    assert lines[-1]["state"] == "completed"
    assert not any("session_id" in line for line in lines)
    assert any("has no session" in line.get("message", "") for line in lines)
    refused = served.prompt("hello", session_id="ses_1")
    assert (refused["status"], refused["title"]) == (503, "Store Unavailable")


def test_a_home_that_vanishes_costs_the_sessions_and_no_run(serve: Callable[..., Served], tmp_path: Path) -> None:
    served = serve()
    session = served.prompt("hello")["session_id"]
    stream = served.stream("/steady 100 1")
    ndjson.until(stream, "text.delta")
    home = tmp_path / "clinvk"
    home.rename(tmp_path / "elsewhere")
    assert list(ndjson.events(stream))[-1]["state"] == "completed"
    answer = served.prompt("hello")
    assert (answer["exit_code"], "session_id" in answer) == (0, False)
    assert any("has no session" in notice for notice in answer["notices"])
    health = served.call("GET", "/health")
    assert (health.status, "deleted or moved" in health.read().decode()) == (503, True)
    assert (
        served.call("GET", f"/api/v1/runs/{answer['run_id']}/events", Accept="application/x-ndjson").status == 200
    )
    served.end()
    (tmp_path / "elsewhere").rename(home)
    served = serve()
    assert served.prompt("hello", session_id=session)["continuation"] == "resumed"


def test_a_conversation_that_is_damaged_is_one_that_is_lost(serve: Callable[..., Served], tmp_path: Path) -> None:
    served = serve()
    sessions = [served.prompt("hello")["session_id"] for _ in range(4)]
    served.end()
    kept = sorted((tmp_path / ".clinvk-demo").glob("*.json"))
    assert len(kept) == len(sessions)
    kept[0].write_bytes(b"")
    kept[1].write_bytes(kept[1].read_bytes()[:-7])
    kept[2].write_bytes(b"\xff\x00{" * 999)
    kept[3].unlink()
    served = serve()
    for session in sessions:
        lost = served.prompt("hello", session_id=session)
        assert (lost["exit_code"], lost["continuation"]) == (0, "fresh"), lost
        assert served.json("GET", f"/api/v1/sessions/{session}")["turn_count"] == 2


def test_what_is_kept_is_for_its_owner_alone(serve: Callable[..., Served], tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        served = serve()
        served.prompt("hello")
    finally:
        os.umask(old)
    found = [path for path in (tmp_path / "clinvk").rglob("*") if path.is_file()]
    assert {path.name for path in found} > {"clinvk.db", "clinvk.db-wal"}
    assert [path for path in found if path.stat().st_mode & 0o077] == []
