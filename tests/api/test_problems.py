"""Whatever goes wrong is a problem in one form, on every path."""

import re

import pytest

from clinvk.api import problems
from clinvk.api.problems import Kind, Problem, Reader
from clinvk.api.replay import Replay, Told
from clinvk.api.routes import JSON, Answer, Route
from clinvk.api.table import ROUTES
from clinvk.domain import errors
from clinvk.domain.errors import Fault
from clinvk.domain.run import Start
from clinvk.schemas import Schemas

ANTHROPIC = {"anthropic-version": "2023-06-01"}
# What the contract's table says: status, slug, OpenAI type and code, Anthropic type, whether to repeat.
CONTRACT = {
    Kind.INVALID_REQUEST: (400, "invalid-request", "invalid_request_error", None, "invalid_request_error"),
    Kind.BACKEND_NOT_FOUND: (
        400, "backend-not-found", "invalid_request_error", "model_not_found", "invalid_request_error",
    ),
    Kind.UNAUTHORIZED: (
        401, "unauthorized", "authentication_error", "invalid_api_key", "authentication_error",
    ),
    Kind.FORBIDDEN: (403, "forbidden", "permission_error", None, "permission_error"),
    Kind.NOT_FOUND: (404, "not-found", "invalid_request_error", "not_found", "not_found_error"),
    Kind.METHOD_NOT_ALLOWED: (405, "method-not-allowed", "invalid_request_error", None, "invalid_request_error"),
    Kind.READ_TIMEOUT: (408, "read-timeout", "invalid_request_error", "timeout", "invalid_request_error"),
    Kind.SESSION_BUSY: (409, "session-busy", "invalid_request_error", "session_busy", "invalid_request_error"),
    Kind.ANSWER_NOT_KEPT: (
        409, "answer-not-kept", "invalid_request_error", "answer_not_kept", "invalid_request_error",
    ),
    Kind.IDEMPOTENCY_MISMATCH: (
        422, "idempotency-mismatch", "invalid_request_error", "idempotency_mismatch", "invalid_request_error",
    ),
    Kind.TOO_LARGE: (413, "body-too-large", "invalid_request_error", None, "invalid_request_error"),
    Kind.HEAD_TOO_LARGE: (431, "head-too-large", "invalid_request_error", None, "invalid_request_error"),
    Kind.TOO_MANY_CONNECTIONS: (503, "too-many-connections", "server_error", None, "overloaded_error"),
    Kind.MEDIA_TYPE: (415, "unsupported-media-type", "invalid_request_error", None, "invalid_request_error"),
    Kind.RATE_LIMITED: (429, "rate-limited", "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"),
    Kind.OVERLOADED: (429, "overloaded", "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"),
    Kind.INTERNAL: (500, "internal", "server_error", None, "api_error"),
    Kind.SESSION_AMBIGUOUS: (
        400, "session-ambiguous", "invalid_request_error", "session_ambiguous", "invalid_request_error"
    ),
    Kind.STORE_UNAVAILABLE: (503, "store-unavailable", "server_error", None, "api_error"),
    Kind.SHUTTING_DOWN: (503, "shutting-down", "server_error", None, "overloaded_error"),
    Kind.TIMEOUT: (504, "timeout", "server_error", "timeout", "timeout_error"),
    Kind.UNSUPPORTED: (
        400, "unsupported-parameter", "invalid_request_error", "unsupported_parameter", "invalid_request_error",
    ),
    Kind.MODEL_NOT_FOUND: (404, "model-not-found", "invalid_request_error", "model_not_found", "not_found_error"),
    Kind.RUN_CANCELLED: (409, "run-cancelled", "invalid_request_error", "run_cancelled", "invalid_request_error"),
    Kind.USAGE_LIMIT: (429, "usage-limit", "insufficient_quota", "insufficient_quota", "rate_limit_error"),
    Kind.BACKEND_FAILED: (502, "backend-failed", "server_error", "cli_failed", "api_error"),
    Kind.NOT_AUTHENTICATED: (
        503, "backend-not-authenticated", "server_error", "cli_not_authenticated", "api_error",
    ),
    Kind.BACKEND_OVERLOADED: (
        503, "backend-overloaded", "server_error", "backend_overloaded", "overloaded_error",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_as_the_contract_says_in_both_forms(kind):
    status, slug, openai_type, code, anthropic_type = CONTRACT[kind]
    problem = Problem(kind, "What happened.", [Fault("/a/b", "is wrong", "right")])
    plain, anthropic, bare = (
        problem.body("req_1", reader) for reader in (Reader.OTHER, Reader.ANTHROPIC_SDK, Reader.ANTHROPIC)
    )
    assert problem.status == plain["status"] == anthropic["status"] == status
    assert plain["type"] == anthropic["problem_type"] == f"https://api.clinvk.dev/errors/{slug}"
    assert plain["error"] == {"message": "What happened.", "type": openai_type, "param": "a.b", "code": code}
    assert anthropic["type"] == "error"
    told = {"type": anthropic_type, "message": "What happened.", "details": {"error_code": slug}}
    assert anthropic["error"] == bare["error"] == told
    assert bare["type"] == plain["type"], "without a version it is a problem like any other"
    checker = Schemas().checker("domain/problem")
    assert checker.faults(plain) == checker.faults(anthropic) == []


def test_what_may_have_started_an_agent_is_not_to_be_repeated():
    once = {kind for kind in Kind if Problem(kind, "").headers.get("x-should-retry") == "false"}
    kept = {Kind.ANSWER_NOT_KEPT, Kind.IDEMPOTENCY_MISMATCH}
    failed = {Kind.RUN_CANCELLED, Kind.USAGE_LIMIT, Kind.BACKEND_FAILED, Kind.NOT_AUTHENTICATED}
    assert once == {Kind.SESSION_BUSY, Kind.INTERNAL, Kind.TIMEOUT} | kept | failed


@pytest.mark.parametrize(
    ("error", "kind", "headers"),
    [
        (errors.InvalidInput([Fault("", "is no object", "an object")]), Kind.INVALID_REQUEST, {}),
        (errors.BackendNotFound("x"), Kind.BACKEND_NOT_FOUND, {}),
        (errors.RunNotFound("x"), Kind.NOT_FOUND, {}),
        (errors.SessionNotFound("x"), Kind.NOT_FOUND, {}),
        (errors.SessionBusy("x"), Kind.SESSION_BUSY, {"x-should-retry": "false"}),
        (errors.QueueFull(3, 7), Kind.OVERLOADED, {"Retry-After": "7"}),
        (errors.ShuttingDown(), Kind.SHUTTING_DOWN, {"Retry-After": "5"}),
        (Problem(Kind.TIMEOUT, "late"), Kind.TIMEOUT, {"x-should-retry": "false"}),
        (ValueError("a secret"), Kind.INTERNAL, {"x-should-retry": "false"}),
    ],
)
def test_every_error_of_the_domain_has_its_problem(error, kind, headers):
    problem = problems.of(error)
    assert (problem.kind, problem.headers) == (kind, headers)
    assert "a secret" not in problem.detail


def test_a_fault_of_the_whole_body_names_no_param():
    problem = problems.invalid("", "is no object", "an object")
    assert problem.body("req_1")["error"]["param"] is None
    assert problem.detail == "the body is no object (expected an object)"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1", "/api/v1/runs/a/b", "/openapiXjson", "/HEALTH", "/%2e%2e"]
)
async def test_a_path_that_is_not_there_is_404_to_every_method(server, path, method):
    reply = await server.fetch(path, method=method, data=b"" if method in {"POST", "PUT", "PATCH"} else None)
    assert reply.status == 404
    if method != "HEAD":
        assert reply.json["detail"] == f"There is nothing at {path}: see /openapi.json"
        assert reply.json["title"] == "Not Found"


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
async def test_a_method_that_a_path_does_not_take_is_405_and_the_answer_says_which_it_takes(server, path):
    ours = {route.method for route in ROUTES if route.path == path}
    allowed = ours | {"OPTIONS"} | ({"HEAD"} if "GET" in ours else set())
    asked = path.replace("{id}", "run_1")
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - allowed:
        reply = await server.fetch(asked, method=method, data=b"" if method in {"POST", "PUT"} else None)
        assert (reply.status, reply.headers["Allow"]) == (405, ", ".join(sorted(allowed)))
        if method != "HEAD":
            assert reply.json["detail"] == f"{asked} takes {', '.join(sorted(ours))}, not {method}"


@pytest.mark.parametrize("path", ["/api/v1/runs/%ff", "/api/v1/runs?limit=%ff"])
async def test_a_path_or_query_that_is_not_utf8_is_a_fault_of_the_request(server, path):
    reply = await server.fetch(path)
    assert (reply.status, reply.json["detail"]) == (400, "The path or the query is not UTF-8")


async def test_anthropic_clients_are_told_in_their_own_form(server):
    reply = await server.fetch("/nothing", headers=ANTHROPIC)
    assert reply.json == {
        "type": "error",
        "problem_type": "https://api.clinvk.dev/errors/not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at /nothing: see /openapi.json",
        "request_id": reply.headers["request-id"],
        "error": {
            "type": "not_found_error",
            "details": {"error_code": "not-found"},
            "message": "There is nothing at /nothing: see /openapi.json",
        },
    }


async def test_the_faults_of_a_body_are_told_in_every_form(server):
    reply = await server.fetch("/api/v1/prompt", {}, headers=ANTHROPIC)
    assert (reply.json["type"], len(reply.json["errors"])) == ("error", 2)


@pytest.mark.parametrize("headers", [{}, ANTHROPIC])
async def test_a_fault_of_ours_is_500_and_keeps_its_secrets(new_server, complaints, headers):
    async def crash(call):
        call.started(Told("run_1", Replay(call.services.supervisor.history, []), {}, Start.WARM))
        call.set_header("X-Of-An-Answer", "that never came")
        raise RuntimeError("a secret of the server")

    answers = {200: Answer("Never.", {JSON: "native/root"})}
    route = Route("GET", "/crash", crash, "crash", "It crashes", "meta", answers)
    server = await new_server(routes=(*ROUTES, route))
    reply = await server.fetch("/crash", headers=headers)
    assert (reply.status, reply.headers["x-should-retry"]) == (500, "false")
    assert reply.json["detail"] == "The server met a fault of its own"
    assert b"secret" not in reply.body
    assert not re.search(rb"Traceback|RuntimeError|\.py", reply.body)
    assert (reply.headers["X-Run-Id"], reply.headers["X-Clinvk-Start"]) == ("run_1", "warm")
    assert "X-Of-An-Answer" not in reply.headers
    (record,) = complaints()
    assert (record.getMessage(), record.request_id) == ("handler failed", reply.headers["X-Request-Id"])
    assert "a secret of the server" in str(record.exc_info[1])


async def test_a_fault_that_comes_after_the_answer_changes_nothing_but_the_log(new_server, complaints):
    async def crash(call):
        call.reply({"name": "n", "version": "v", "health": "h", "openapi": "o", "docs": "d"})
        raise RuntimeError("too late")

    answers = {200: Answer("Fine.", {JSON: "native/root"})}
    server = await new_server(routes=(Route("GET", "/crash", crash, "crash", "It crashes", "meta", answers),))
    reply = await server.fetch("/crash")
    assert (reply.status, reply.json["name"]) == (200, "n")
    assert [record.getMessage() for record in complaints()] == ["handler failed"]


async def test_what_is_no_http_at_all_is_refused_and_nothing_breaks(server):
    for nonsense in (b"garbage\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"):
        connection = await server.connect()
        await connection.send(nonsense)
        assert (await connection.closed()).startswith(b"HTTP/1.1 400 ")
    connection = await server.connect()
    await connection.send(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await connection.closed()).startswith(b"HTTP/1.1 431 ")
    assert (await server.fetch("/health")).status == 200
