"""A key outlives its server, however that ends; the agent runs once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import DEADLINE, Served

pytestmark = pytest.mark.e2e

PATHS = {
    "/api/v1/prompt": {"backend": "demo", "prompt": "hello"},
    "/api/v1/parallel": {
        "tasks": [{"backend": "demo", "prompt": "hello"}, {"backend": "demo", "prompt": "/fail"}]
    },
    "/api/v1/chain": {"steps": [{"backend": "demo", "prompt": "hello"}]},
}
STREAM = {"output_format": "stream-json"}
HANG = {"backend": "demo", "prompt": "/hang"}


def send(served: Served, body: Any, path: str = "/api/v1/prompt", key: str = "key-1") -> tuple[Any, bytes]:
    """The head and the bytes of the answer."""
    answer = served.call("POST", path, body, **{"Idempotency-Key": key})
    return answer, answer.read()


def turns(tmp_path: Path) -> int:
    """How many turns demo agents really had, by what they themselves keep."""
    return sum(json.loads(path.read_text("utf-8"))["turns"] for path in (tmp_path / ".clinvk-demo").glob("*.json"))


def total(served: Served) -> int:
    return int(served.json("GET", "/api/v1/runs")["total"])


@pytest.mark.parametrize("ending", [Served.end, Served.kill], ids=["sigterm", "sigkill"])
@pytest.mark.parametrize("path", PATHS)
def test_whoever_had_an_answer_has_it_again_from_the_next_server(
    serve: Callable[..., Served], path: str, ending: Callable[[Served], None]
) -> None:
    served = serve()
    head, first = send(served, PATHS[path], path)
    runs = total(served)
    ending(served)
    served = serve()
    again, body = send(served, PATHS[path], path)
    assert (again.status, body, again.headers["Idempotent-Replayed"]) == (200, first, "true")
    for name in ("X-Run-Id", "X-Group-Id"):
        assert again.headers[name] == head.headers[name]
    assert total(served) == runs


def test_a_stream_is_the_same_from_the_next_server(serve: Callable[..., Served], tmp_path: Path) -> None:
    served = serve()
    _, first = send(served, PATHS["/api/v1/prompt"] | STREAM)
    served.end()
    served = serve()
    assert send(served, PATHS["/api/v1/prompt"] | STREAM)[1] == first
    assert total(served) == turns(tmp_path) == 1


@pytest.mark.parametrize("form", [{}, STREAM, {"detach": True}], ids=["whole", "stream", "detached"])
def test_a_run_that_died_with_its_server_is_told_as_interrupted_and_not_begun_again(
    serve: Callable[..., Served], form: dict[str, Any], tmp_path: Path
) -> None:
    served = serve()
    with ThreadPoolExecutor(1) as client:
        asking = client.submit(send, served, HANG | form)
        run = started(served)
        served.kill()
        asking.exception(DEADLINE)
    served = serve()
    again, body = send(served, HANG | form)
    assert (again.headers["X-Run-Id"], again.headers["Idempotent-Replayed"]) == (run, "true")
    told = json.loads(body.splitlines()[-1])
    if "detach" in form:
        assert (again.status, told["id"], told["error"]["code"]) == (202, run, "interrupted")
    elif form:
        assert (told["type"], told["run_id"], told["error"]["code"]) == ("run.finished", run, "interrupted")
    else:
        assert (told["run_id"], told["exit_code"]) == (run, 1)
        assert told["error"] == "The server died while the run was live; send the prompt again"
    assert total(served) == 1
    assert turns(tmp_path) <= 1


def test_a_group_that_died_with_its_server_is_named_and_not_begun_again(serve: Callable[..., Served]) -> None:
    served = serve()
    body = {"tasks": [HANG, HANG]}
    with ThreadPoolExecutor(1) as client:
        asking = client.submit(send, served, body, "/api/v1/parallel")
        group = served.json("GET", f"/api/v1/runs/{started(served)}")["group_id"]
        served.kill()
        asking.exception(DEADLINE)
    served = serve()
    runs = total(served)
    again, told = send(served, body, "/api/v1/parallel")
    assert (again.status, group in json.loads(told)["detail"]) == (409, True)
    assert total(served) == runs


def test_whoever_asks_while_it_runs_is_answered_with_it(serve: Callable[..., Served], tmp_path: Path) -> None:
    served = serve()
    with ThreadPoolExecutor(8) as clients:
        body = PATHS["/api/v1/prompt"]
        answers = [client.result(DEADLINE) for client in [clients.submit(send, served, body) for _ in range(8)]]
    assert len({told for _, told in answers}) == 1
    assert sorted("Idempotent-Replayed" in head.headers for head, _ in answers) == [False] + [True] * 7
    assert total(served) == turns(tmp_path) == 1


def started(served: Served) -> str:
    """The id of the first run that has a child."""
    events = served.call("GET", "/api/v1/events", **{"Last-Event-ID": "-1"})
    told: dict[str, Any] = {}
    while told.get("type") != "run.started":
        line = events.readline()
        told = json.loads(line[6:]) if line.startswith(b"data: ") else {}
    events.close()
    return str(told["run_id"])
