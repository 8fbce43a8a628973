"""Sessions over HTTP with the real CLIs behind them: gone on with, lost, and deleted with the CLI's own copy."""

import pytest

from clinvk.backends.gemini.command import OWN_CONVERSATION
from tests import clis, ndjson
from tests.e2e.clis import stored
from tests.e2e.clis.conftest import ALONE, World
from tests.e2e.conftest import Served, configure


@pytest.fixture
def new_world(stub, tmp_path):
    """Starts servers one after another on one HOME; the last that was started is ended."""
    served = []
    configure(tmp_path, **ALONE)

    def start():
        for before in served:
            before.end()
        server = Served(tmp_path, more=clis.environment(tmp_path, f"http://127.0.0.1:{stub.port}"))
        served.append(server)
        return World(server, stub, tmp_path)

    yield start
    for one in served:
        one.end()


def begun(world, backend, prompt, **fields):
    """The id of a session with that first prompt."""
    answer = world.ask(backend, prompt, **fields)
    assert (answer["exit_code"], "continuation" in answer) == (0, False)
    return answer["session_id"]


def session(world, session_id):
    return world.served.json("GET", f"/api/v1/sessions/{session_id}")


def body_of(world, prompt):
    """What the provider was sent with that prompt."""
    (entry,) = world.requests(prompt)
    return world.body(entry)


def test_the_empty_conversations_of_geminis_own_go_with_its_processes(new_world, tmp_path):
    world = new_world()
    session_id = session(world, begun(world, "gemini", "hello"))["backend_session_id"]
    world.served.end()
    assert stored.named(tmp_path, f"-{OWN_CONVERSATION}") == []
    assert stored.named(tmp_path, f"-{session_id[:8]}.jsonl")


def test_a_session_goes_on_over_other_connections_and_servers(new_world, backend):
    world = new_world()
    first = begun(world, backend, f"my name is Nemo ({backend})")
    second = world.ask(backend, f"my ship is the Nautilus ({backend})", session_id=first)
    assert (second["session_id"], second["continuation"]) == (first, "resumed")
    assert f"my name is Nemo ({backend})" in body_of(world, f"my ship is the Nautilus ({backend})")

    world = new_world()
    third = world.ask(backend, f"tell me who sails her ({backend})", session_id=first)
    assert (third["session_id"], third["continuation"]) == (first, "resumed")
    body = body_of(world, f"tell me who sails her ({backend})")
    assert f"my name is Nemo ({backend})" in body
    assert f"my ship is the Nautilus ({backend})" in body
    assert session(world, first)["turn_count"] == 3


def test_of_two_prompts_at_once_one_is_told_that_the_session_is_busy(world):
    busy = begun(world, "codex", "at once")
    stream = world.stream("codex", "not too fast [[deltas=2 step=1]]", session_id=busy)
    first = next(ndjson.events(stream))
    assert (stream.status, first["session_id"]) == (200, busy)
    asked = {"backend": "codex", "prompt": "me too", "session_id": busy}
    assert world.served.call("POST", "/api/v1/prompt", asked).status == 409
    assert world.served.call("DELETE", f"/api/v1/sessions/{busy}").status == 409
    ndjson.until(stream, "text.delta")
    (entry,) = world.requests("not too fast")
    world.go_on(entry)
    assert ndjson.until(stream, "run.finished")["state"] == "completed"


def test_a_session_whose_conversation_is_lost_is_answered_anew_and_told(world, backend):
    lost = begun(world, backend, f"soon forgotten {backend}")
    world.nothing_left()
    conversation = session(world, lost)["backend_session_id"]
    files = stored.holding(world.home, f"soon forgotten {backend}")
    assert files
    for path in files:
        path.unlink()
    events = world.events(backend, f"still there {backend}", session_id=lost)
    notices = [event["message"] for event in events if event["type"] == "notice"]
    assert [notice for notice in notices if notice.startswith("A new conversation is begun.")]
    assert events[-1]["state"] == "completed"
    assert world.run(events[-1]["run_id"])["continuation"] == "fresh"
    assert f"soon forgotten {backend}" not in body_of(world, f"still there {backend}")
    assert session(world, lost)["backend_session_id"] not in {None, conversation}


def test_a_deleted_session_is_gone_from_its_clis_store_and_others_are_not(world, backend, workdir):
    where = {"workdir": str(workdir)}
    gone = begun(world, backend, f"my secret {backend}", **where)
    kept = begun(world, backend, f"no secret {backend}", **where)
    world.nothing_left()
    conversation = session(world, gone)["backend_session_id"]
    assert stored.holding(world.home, f"my secret {backend}")

    assert world.served.json("DELETE", f"/api/v1/sessions/{gone}") == {"deleted": True, "id": gone}
    assert stored.holding(world.home, f"my secret {backend}") == []
    assert stored.named(world.home, conversation) == []
    assert world.served.call("DELETE", f"/api/v1/sessions/{gone}").status == 404
    assert world.served.call("GET", f"/api/v1/sessions/{gone}").status == 404
    asked = {"backend": backend, "prompt": "hello", "session_id": gone}
    assert world.served.call("POST", "/api/v1/prompt", asked).status == 404

    answer = world.ask(backend, f"still there, too ({backend})", session_id=kept, **where)
    assert answer["continuation"] == "resumed"
    assert f"no secret {backend}" in body_of(world, f"still there, too ({backend})")


def test_a_session_whose_folder_is_gone_cannot_go_on(world, workdir):
    folder = workdir / "short-lived"
    folder.mkdir()
    orphan = begun(world, "codex", "here", workdir=str(folder))
    folder.rmdir()
    answer = world.served.call("POST", "/api/v1/prompt", {"backend": "codex", "prompt": "x", "session_id": orphan})
    assert answer.status == 400
    assert str(folder) in answer.read().decode()
