"""POST /api/v1/compare: one prompt, with several backends."""

import pytest

from clinvk import processes
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.registry import Registry, default_registry
from clinvk.domain.run import RunState, StopCause
from tests.api.groups import most_at_once, runs_of, stopped_one_by_one

PATH = "/api/v1/compare"


class Second(DemoBackend):
    """A second backend that is there on every machine."""

    name = "second"


@pytest.fixture
async def server(new_server):
    return await new_server(registry=Registry((DemoBackend(), Second())))


async def compare(server, prompt, **fields):
    return await server.fetch(PATH, {"prompt": prompt, "backends": ["second", "demo"], **fields})


async def test_every_backend_answers_in_the_order_asked(server):
    reply = await compare(server, "/big 5", metadata={"ticket": "42"})
    answer = reply.json
    assert (answer["prompt"], answer["backends"]) == ("/big 5", ["second", "demo"])
    told = [(result["backend"], result["output"], result["exit_code"]) for result in answer["results"]]
    assert told == [("second", "the d", 0), ("demo", "the d", 0)]
    assert all("task" not in result and "step" not in result for result in answer["results"])
    assert reply.headers["X-Group-Id"] == answer["group_id"]
    runs = await runs_of(server, answer["group_id"])
    assert {run["id"] for run in runs} == {result["run_id"] for result in answer["results"]}
    assert [run["metadata"] for run in runs] == [{"ticket": "42"}] * 2


async def test_a_backend_that_fails_leaves_the_other_alone(server):
    answer = (await compare(server, "/fail")).json
    assert [result["exit_code"] for result in answer["results"]] == [1, 1]


@pytest.mark.parametrize(("sequential", "most"), [(False, 2), (True, 1)])
async def test_backends_are_asked_at_once_or_one_after_the_other(server, sequential, most):
    asked = {"prompt": "/hang", "backends": ["second", "demo"], "sequential": sequential}
    events = await stopped_one_by_one(server, PATH, 2, most, **asked)
    assert most_at_once(events) == most
    started = [event["backend"] for event in events if event["type"] == "run.started"]
    assert started == ["second", "demo"] or not sequential
    assert (events[-1]["type"], events[-1]["kind"], events[-1]["total"]) == ("group.finished", "compare", 2)
    assert {event["backend"] for event in events[:-1]} == {"demo", "second"}


async def test_what_is_wrong_with_the_request_is_told_once(server):
    reply = await compare(server, "hello", workdir="/no/such/folder")
    assert [fault["path"] for fault in reply.json["errors"]] == ["/workdir"]
    reply = await compare(server, "hello", backends=["demo", "nobody"])
    assert (reply.status, reply.json["title"]) == (400, "Backend Not Found")
    for backends in ([], ["demo", "demo"], "demo", [1]):
        reply = await compare(server, "hello", backends=backends)
        assert reply.json["errors"][0]["path"].startswith("/backends"), backends
    assert server.supervisor.journal.length == 0


async def test_a_dry_run_shows_the_command_of_every_backend(server):
    answer = (await compare(server, "hello", dry_run=True)).json
    assert [result["backend"] for result in answer["results"]] == ["second", "demo"]
    assert server.supervisor.journal.length == 0


async def test_a_cli_that_is_not_there_is_told_before_any_other_is_asked(new_server, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    server = await new_server(registry=default_registry())
    reply = await compare(server, "hello", backends=["demo", "claude"])
    assert (reply.status, reply.json["title"]) == (400, "Backend Not Found")
    assert server.supervisor.journal.length == 0


@pytest.mark.parametrize("form", ["json", "stream-json"])
async def test_a_client_that_leaves_stops_every_backend(server, form):
    body = {"prompt": "/children", "backends": ["second", "demo"], "output_format": form}
    connection = await server.post(body, path=PATH)
    await server.started(2)
    live = server.supervisor.history.live()
    await connection.leave()
    for handle in live:
        view = await server.end(handle.id)
        assert (view.state, view.stop_cause) == (RunState.CANCELLED, StopCause.DISCONNECT)
        assert processes.read(handle.run.pid or 0) is None
