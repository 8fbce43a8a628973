"""What the document shows as answers, problems and streams is what a real server gives."""

import asyncio
import json
import re

import pytest

from clinvk.api import openapi
from clinvk.api.problems import Kind
from clinvk.api.routes import NDJSON, SSE
from clinvk.api.services import Bounds
from clinvk.api.table import ROUTES
from clinvk.schemas import Schemas
from tests.api.client import hurried
from tests.api.conftest import QUICK

SCHEMAS = Schemas()
DOCUMENT = openapi.document(ROUTES, SCHEMAS)
BY_NAME = {route.name: route for route in ROUTES}
HELLO = {"backend": "demo", "prompt": "hello world"}


def responses(name):
    return DOCUMENT["paths"][BY_NAME[name].path][BY_NAME[name].method.lower()]["responses"]


def shown(name, status, form="application/json"):
    """The examples of one answer, in their order."""
    examples = responses(name)[str(status)]["content"][form]["examples"].values()
    components = DOCUMENT["components"]["examples"]
    led = [components[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in examples]
    return [each["value"] for each in led]


def refusal(name, kind):
    """The example of a problem of one operation."""
    uri = f"https://api.clinvk.dev/errors/{kind.value.slug}"
    found = shown(name, kind.value.status, "application/problem+json")
    return next(body for body in found if body["type"] == uri)


def words(problem):
    """What it says, but for ids and numbers."""
    text = json.dumps({name: part for name, part in problem.items() if name != "request_id"})
    return re.sub(r"\d+(\.\d+)?", "1", re.sub(r"\b(run|ses|grp)_\w*", r"\1_", text))


def shape(value, path=""):
    """Every place of `value` that holds something, but for what is only there at times."""
    if isinstance(value, dict):
        return {path}.union(*(shape(part, f"{path}.{name}") for name, part in value.items()))
    if isinstance(value, list):
        return {path}.union(*(shape(part, f"{path}[]") for part in value))
    return {path}


# Whether a child is gone yet when its run is told, whether another run is in its folder, what has a version.
BY_LUCK = re.compile(
    r".*(\.exit|\.pid|\.notices|\.version|\.first_output_ms|\.retry_after_secs|\.metadata|\.tags|\.resources).*"
)


def alike(value):
    return {place for place in shape(value) if not BY_LUCK.fullmatch(place)}


def slow_to_end(server):
    """No child that is stopped from now on ends before what this gives is set."""
    pool, go_on = server.supervisor.pool, asyncio.Event()
    stop = pool.stop

    async def late(*args, **named):
        await go_on.wait()
        await stop(*args, **named)

    pool.stop = late
    return go_on


async def answers(server):
    """Real answers, each with the example that it is to look like."""
    whole = await server.fetch("/api/v1/prompt", HELLO)
    yield shown("createPrompt", 200)[0], whole
    await server.prompt("hello world")  # so that each of the lists below has another page
    await server.prompt("/usage-limit", model="small")
    session_id, run_id = whole.json["session_id"], whole.json["run_id"]
    again = {"backend": "demo", "prompt": "/usage-limit", "session_id": session_id, "model": "small"}
    yield shown("createPrompt", 200)[1], await server.fetch("/api/v1/prompt", again)
    yield shown("createPrompt", 200)[2], await server.fetch("/api/v1/prompt", {**HELLO, "dry_run": True})
    yield shown("getRun", 200)[0], await server.fetch(f"/api/v1/runs/{run_id}")
    yield shown("getSession", 200)[0], await server.fetch(f"/api/v1/sessions/{session_id}")
    detached = await server.fetch("/api/v1/prompt", {"backend": "demo", "prompt": "/hang", "detach": True})
    if detached.json["state"] == "queued":  # else it is under way already: on an eager loop
        yield next(run for run in shown("createPrompt", 202) if run["state"] == "queued"), detached
    await server.started(5)
    go_on = slow_to_end(server)
    yield shown("cancelRun", 202)[0], await server.fetch(f"/api/v1/runs/{detached.json['id']}/cancel", data=b"")
    go_on.set()
    await server.end(detached.json["id"])
    yield shown("listRuns", 200)[1], await server.fetch("/api/v1/runs?limit=1&state=completed")
    yield shown("listSessions", 200)[1], await server.fetch("/api/v1/sessions?limit=1&offset=1&status=error")
    yield shown("deleteSession", 200)[0], await server.fetch(f"/api/v1/sessions/{session_id}", method="DELETE")
    yield shown("getHealth", 200)[0], await server.fetch("/health")
    yield shown("getRoot", 200)[0], await server.fetch("/")


async def test_answers_have_the_shape_of_their_examples(server):
    async for example, reply in answers(server):
        assert alike(reply.json) == alike(example), reply.body


GROUPS = {
    "createParallel": {"tasks": [HELLO, {**HELLO, "prompt": "/usage-limit", "model": "small"}]},
    "createChain": {
        "steps": [
            {**HELLO, "name": "draft"},
            {**HELLO, "name": "review", "prompt": "/usage-limit", "model": "small"},
        ]
    },
    "createCompare": {"prompt": "/usage-limit", "model": "small", "backends": ["demo"]},
}


@pytest.mark.parametrize("name", GROUPS)
async def test_answers_of_groups_have_the_shape_of_their_examples(server, name):
    body, path = GROUPS[name], BY_NAME[name].path
    _, failed, dry_run = shown(name, 200)
    assert alike((await server.fetch(path, body)).json) == alike(failed)
    assert alike((await server.fetch(path, {**body, "dry_run": True})).json) == alike(dry_run)


async def test_a_group_that_is_stopped_has_the_shape_of_its_examples(server):
    body = {"tasks": [{"backend": "demo", "prompt": "/hang"}]}
    connection = await server.post(body, path="/api/v1/parallel")
    await server.started()
    group_id = server.newest().run.spec.origin.group_id
    stopping = await server.fetch(f"/api/v1/groups/{group_id}/cancel", data=b"")
    assert (stopping.status, alike(stopping.json)) == (202, alike(shown("cancelGroup", 202)[0]))
    assert await connection.head() == 200
    ended = await server.fetch(f"/api/v1/groups/{group_id}/cancel?wait=20", data=b"")
    assert (ended.status, alike(ended.json)) == (200, alike(shown("cancelGroup", 200)[0]))


# Problems

INVALID = [route for route in ROUTES if Kind.INVALID_REQUEST in route.problems]
NOT_FOUND = [route for route in ROUTES if Kind.NOT_FOUND in route.problems]


@pytest.mark.parametrize("route", INVALID, ids=lambda route: route.name)
async def test_what_is_shown_as_invalid_is_refused_so(server, route):
    example = refusal(route.name, Kind.INVALID_REQUEST)
    path, headers, data = route.path.replace("{id}", "x"), {}, b"" if route.method == "POST" else None
    place = example["errors"][0]["path"] if "errors" in example else ""
    if route.request:
        data = b"{}" if route.needs_body else b'{"no-such-field": 1}'
    elif place.startswith("?"):
        path += f"{place}=all"
    elif place:
        headers[place] = "all"
    else:
        path = re.sub(r"\{\w+\}", "%ff", route.path)
    reply = await server.fetch(path, method=route.method, headers=headers, data=data)
    assert {**reply.json, "request_id": ""} == {**example, "request_id": ""}


@pytest.mark.parametrize("route", NOT_FOUND, ids=lambda route: route.name)
async def test_what_is_shown_as_not_found_is_told_so(server, route):
    example = refusal(route.name, Kind.NOT_FOUND)
    id_ = next(iter(re.findall("'(.*)'", example["detail"])), "")  # what the path alone names is not quoted
    body = {**HELLO, "session_id": id_} if route.request and route.needs_body else None
    data = b"" if route.method == "POST" and not body else None
    reply = await server.fetch(route.path.replace("{id}", id_), body, method=route.method, data=data)
    assert {**reply.json, "request_id": ""} == {**example, "request_id": ""}


PROMPT = "/api/v1/prompt"
REFUSED = [
    (Kind.FORBIDDEN, Bounds(), HELLO, {"Host": "agents.example.com"}),
    (Kind.MEDIA_TYPE, Bounds(), HELLO, {"Content-Type": "text/plain"}),
    (Kind.BACKEND_NOT_FOUND, Bounds(), {**HELLO, "backend": "unknown"}, {}),
    (Kind.TOO_LARGE, Bounds(max_body_bytes=9), HELLO, {}),
    (Kind.TIMEOUT, Bounds(request_secs=0.3), {**HELLO, "prompt": "/hang"}, {}),
]


@pytest.mark.parametrize(("kind", "bounds", "body", "headers"), REFUSED, ids=[kind.name for kind, *_ in REFUSED])
async def test_what_is_shown_as_a_problem_is_what_the_server_says(new_server, kind, bounds, body, headers):
    reply = await (await new_server(bounds)).fetch(PROMPT, body, headers=headers)
    assert words(reply.json) == words(refusal("createPrompt", kind))


async def test_a_body_that_stalls_is_told_what_is_shown(new_server):
    head = b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection = await hurried(await new_server(), head + b"Content-Length: 100\r\n\r\n", read_secs=0.2)
    reply = await connection.reply()
    assert words(reply.json) == words(refusal("createPrompt", Kind.READ_TIMEOUT))


async def test_a_session_that_is_busy_or_ambiguous_is_told_so_as_shown(server):
    await server.prompt(QUICK)
    session_id = (await server.prompt("/hang", detach=True)).json["session_id"]
    busy = await server.prompt("hello", session_id=session_id)
    assert words(busy.json) == words(refusal("createPrompt", Kind.SESSION_BUSY))
    ambiguous = await server.fetch("/api/v1/sessions/ses_")
    assert words(ambiguous.json) == words(refusal("getSession", Kind.SESSION_AMBIGUOUS))


def test_one_kind_is_shown_alike_wherever_it_does_not_depend_on_the_operation():
    depend = {Kind.INVALID_REQUEST, Kind.NOT_FOUND, Kind.ANSWER_NOT_KEPT}
    for kind in set(Kind) - depend:
        said = {refusal(route.name, kind)["detail"] for route in ROUTES if kind in route.problems}
        assert len(said) <= 1


# Streams

STREAMED = {
    "createPrompt": {"backend": "demo", "prompt": "/big 16"},
    "createParallel": {"tasks": [{"backend": "demo", "prompt": "/big 16"}]},
    "createChain": {"steps": [{"backend": "demo", "prompt": "/big 16"}]},
    "createCompare": {"prompt": "/big 16", "backends": ["demo"]},
}
VOLATILE = ("at", "run_id", "session_id", "group_id", "pid", "seconds", "backend_session_id")


def settled(text):
    """A stream, without what is another each time."""
    return re.sub(rf'"({"|".join(VOLATILE)})":("[^"]*"|[\d.]+)', r'"\1":0', text)


@pytest.mark.parametrize("form", [NDJSON, SSE])
@pytest.mark.parametrize("name", STREAMED)
async def test_a_stream_is_byte_for_byte_what_is_shown_but_for_ids_and_times(server, name, form):
    body = STREAMED[name] | {"output_format": "stream-json"}
    reply = await server.fetch(BY_NAME[name].path, body, headers={"Accept": form})
    (example,) = shown(name, 200, form)
    assert settled(reply.body.decode()) == settled(example)


@pytest.mark.parametrize("form", [NDJSON, SSE])
async def test_the_events_of_a_run_are_byte_for_byte_what_is_shown(server, form):
    run_id = (await server.prompt("/big 16")).json["run_id"]
    reply = await server.fetch(f"/api/v1/runs/{run_id}/events", headers={"Accept": form})
    (example,) = shown("followRun", 200, form)
    assert settled(reply.body.decode()) == settled(example)


async def test_the_lifecycle_of_all_runs_is_what_is_shown(server):
    connection = await server.raw("GET", "/api/v1/events")
    assert await connection.head() == 200
    await server.prompt("/big 16")
    (example,) = shown("followEvents", 200, SSE)
    told = b""
    while told.count(b"\n\n") < example.count("\n\n"):
        told += await connection.chunk()
    await connection.leave()
    assert settled(told.decode()) == settled(example)
