"""The examples of the schemas are promises: each is sent to a real server, its answer held against the table."""

import copy
import json

import pytest

from clinvk.api.table import ROUTES
from clinvk.schemas import Schemas
from clinvk.supervisor.limits import Limits, LingerLimits

SCHEMAS = Schemas()
# Those for the real CLIs are sent where there are some: tests/e2e/clis.
REAL = ('"claude', '"codex"', '"gemini"')
SENT = [
    pytest.param(route, body, id=f"{route.name}-{number}")
    for route in ROUTES
    if route.request
    for number, body in enumerate(SCHEMAS.documents[route.request]["examples"], 1)
    if not any(name in json.dumps(body) for name in REAL)
]
MEMBERS = [
    pytest.param(path, field, member, id=f"{name}-{number}")
    for path, field, name in (("/api/v1/parallel", "tasks", "task"), ("/api/v1/chain", "steps", "step"))
    for number, member in enumerate(SCHEMAS.documents[f"native/{name}"]["examples"], 1)
]
ASKED = [
    pytest.param(route, parameter, example, id=f"{route.name}-{parameter.name}-{example}")
    for route in ROUTES
    for parameter in route.parameters
    for example in [*parameter.schema.get("examples", ()), *parameter.schema.get("enum", ())]
]
PROMPTS = SCHEMAS.documents["native/prompt-request"]["examples"]


@pytest.fixture
async def server(new_server):
    """One that allows all that an example asks for."""
    return await new_server(limits=Limits(linger=LingerLimits(3600.0)))


async def here(server, body):
    """`body` with what only one machine has in place of what it names: a session, a folder."""
    told = copy.deepcopy(body)
    for part in (told, *told.get("tasks", ()), *told.get("steps", ())):
        if "session_id" in part:
            part["session_id"] = (await server.prompt("/big 5")).json["session_id"]
        if "workdir" in part:
            part["workdir"] = server.services.default_workdir
    return told


def test_every_operation_that_takes_a_body_shows_one_that_anybody_can_send():
    shown = {param.values[0].name for param in SENT}
    assert shown == {route.name for route in ROUTES if route.request}


@pytest.mark.parametrize(("route", "body"), SENT)
async def test_every_example_of_a_body_is_answered_as_documented(server, route, body):
    path = route.path
    if "{id}" in path:
        path = path.replace("{id}", (await server.prompt("/big 5")).json["run_id"])
    reply = await server.fetch(path, await here(server, body), method=route.method)
    assert reply.status in route.answers, reply.body
    events = reply.events if reply.media_type == "application/x-ndjson" else []
    assert bool(events) == (body.get("output_format") == "stream-json")
    assert (reply.media_type == "text/event-stream") == body.get("stream", False)
    assert [fault for event in events for fault in server.faults("domain/event", event)] == []
    is_closed = SCHEMAS.documents[route.request].get("additionalProperties") is False
    unknown = [({**body, "no-such-field": 1}, "/no-such-field")] if is_closed else []
    for wrong, place in (*unknown, ([body], ""), (None, "")):
        refused = await server.fetch(path, data=json.dumps(wrong).encode(), method=route.method)
        assert (refused.status, [fault["path"] for fault in refused.json["errors"]]) == (400, [place])


@pytest.mark.parametrize(("path", "field", "member"), MEMBERS)
async def test_every_example_of_a_task_and_of_a_step_is_one_that_runs(server, path, field, member):
    before = [{"backend": "demo", "prompt": "/big 5"}] if "{{previous}}" in member["prompt"] else []
    reply = await server.fetch(path, await here(server, {field: [*before, member]}))
    *_, result = reply.json["results"]
    assert (result["exit_code"], result.get("error")) == (0, None)
    assert result.get("name") == member.get("name")


@pytest.mark.parametrize(("route", "parameter", "example"), ASKED)
async def test_every_example_of_a_parameter_is_answered_as_documented(server, route, parameter, example):
    if "/groups/" in route.path:
        task = {"backend": "demo", "prompt": "/big 5"}
        made = (await server.fetch("/api/v1/parallel", {"tasks": [task]})).json["group_id"]
    else:
        made = (await server.prompt("/big 5")).json["run_id"]
    shown = json.dumps(example) if isinstance(example, bool) else example
    place = {"query": f"?{parameter.name}={shown}"}.get(parameter.place, "")
    headers = {parameter.name: str(example)} if parameter.place == "header" else {}
    path = route.path.replace("{id}", str(example) if parameter.place == "path" else made)
    path = path.replace("{model}", str(example))
    if path == "/api/v1/events":  # has no end
        connection = await server.raw(route.method, path, headers)
        assert await connection.head() in route.answers
        await connection.leave()
        return
    body = SCHEMAS.documents[route.request]["examples"][0] if route.request else None
    data = b"" if route.method == "POST" and body is None else None
    reply = await server.fetch(path + place, body, method=route.method, headers=headers, data=data)
    is_elsewhere = (parameter.place, parameter.name) == ("path", "id")
    assert reply.status in ({404} if is_elsewhere else route.answers), reply.body


@pytest.mark.parametrize("body", [body for body in PROMPTS if body["backend"] == "demo"])
async def test_every_example_of_a_prompt_does_what_it_is_shown_for(server, body):
    reply = await server.fetch("/api/v1/prompt", await here(server, body))
    if body.get("detach"):
        assert (reply.status, reply.headers["X-Run-Id"]) == (202, reply.json["id"])
        return
    assert reply.status == 200
    if body.get("output_format") == "stream-json":
        assert reply.events[-1]["code"] == 0
    elif body.get("dry_run"):
        assert reply.json["dry_run"] is True
    else:
        assert reply.json["exit_code"] == 0


@pytest.mark.parametrize("body", [body for body in PROMPTS if body.get("output_format") == "stream-json"])
async def test_every_example_of_a_stream_can_be_had_as_server_sent_events(server, body):
    reply = await server.fetch("/api/v1/prompt", body, headers={"Accept": "text/event-stream"})
    assert reply.sse[-1].event == "run.finished"


def test_the_examples_show_every_way_to_ask():
    shown = {name for body in PROMPTS for name in body}
    assert {"output_format", "dry_run", "detach", "metadata", "timeout_secs", "sandbox_mode", "extra"} <= shown
