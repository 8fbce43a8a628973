"""An example of each problem of each operation: made as the server makes it, so that it says what it would say."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tornado.httputil import HTTPHeaders

from clinvk.api import admission, guards, idempotency, metrics, parameters, problems
from clinvk.api.body import Body
from clinvk.api.console.routes import OFF
from clinvk.api.dialects import failures
from clinvk.api.problems import Kind, Problem, Reader
from clinvk.api.rates import Limit, Rates
from clinvk.api.routes import Parameter, Route
from clinvk.api.services import Bounds
from clinvk.clock import SystemClock
from clinvk.domain import errors
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.spec import Dialect
from clinvk.schemas import Schemas

_REQUEST_ID: Final = "req_01k9w3m4x5c8f2h6j0n4q8s2v7"
_RUN_ID: Final = "run_01k9w3m4x5c8f2h6j0n4q8s2v6"
_GROUP_ID: Final = "grp_01k9w3m4x5c8f2h6j0n4q8s2v4"
_SESSION_ID: Final = "ses_01k9w3m4x5c8f2h6j0n4q8s2v5"
_BOUNDS: Final = Bounds()


def example(route: Route, kind: Kind, schemas: Schemas) -> dict[str, Any] | None:
    """The body of such a problem; None of a kind that has no example yet."""
    if kind is Kind.INVALID_REQUEST:
        problem = _invalid(route, schemas)
    elif kind is Kind.NOT_FOUND:
        problem = problems.of(_absent(route))
    elif kind is Kind.ANSWER_NOT_KEPT:
        problem = idempotency.not_kept(_GROUP_ID if "X-Group-Id" in route.answers[200].headers else _RUN_ID)
    elif kind in _MADE:
        problem = _MADE[kind]()
    else:
        return None
    reader = Reader.ANTHROPIC if route.dialect is Dialect.ANTHROPIC else Reader.OTHER
    return problem.body(_REQUEST_ID, reader)


def _invalid(route: Route, schemas: Schemas) -> Problem:
    if route.request:
        return problems.of(
            errors.InvalidInput(
                schemas.checker(route.request).faults({} if route.needs_body else {"no-such-field": 1})
            )
        )
    for parameter in route.parameters:
        if refused := _refused(parameter):
            return refused
    return Problem(Kind.INVALID_REQUEST, "The path or the query is not UTF-8")


def _refused(parameter: Parameter) -> Problem | None:
    """What is said of a value that `parameter` cannot have, if there is one."""
    try:
        parameters.read((parameter,), lambda *_: "all", HTTPHeaders({parameter.name: "all"}))
    except errors.InvalidInput as error:
        return problems.of(error)
    return None


def _absent(route: Route) -> Exception:
    """What is not there is what the path names; else the session that the body does."""
    shown = next((each.schema["examples"][0] for each in route.parameters if each.place == "path"), _SESSION_ID)
    for start, error in _NAMED.items():
        if route.path.startswith(start):
            return error(shown)
    return errors.SessionNotFound(shown)


_NAMED: Final[Mapping[str, Callable[[str], Exception]]] = {
    "/console": lambda _: Problem(Kind.NOT_FOUND, OFF),
    "/metrics": lambda _: Problem(Kind.NOT_FOUND, metrics.OFF),
    "/api/v1/runs/": errors.RunNotFound,
    "/api/v1/groups/": errors.GroupNotFound,
}


def _failed(code: ErrorCode, message: str) -> Problem:
    return failures.of(RunError(code, message))


def _caught(check: Callable[[], None]) -> Problem:
    try:
        check()
    except Problem as problem:
        return problem
    raise AssertionError("what is shown as refused is refused")


def _too_often() -> Problem:
    """Of whoever asks until it is too much."""
    limited = Rates(SystemClock(), Limit(enabled=True))
    while True:
        try:
            limited.check("127.0.0.1", None)
        except Problem as problem:
            return problem


_MADE: Final[Mapping[Kind, Callable[[], Problem]]] = {
    Kind.BACKEND_NOT_FOUND: lambda: problems.of(errors.BackendNotFound("unknown")),
    Kind.FORBIDDEN: lambda: _caught(lambda: guards.check_host("agents.example.com", ())),
    Kind.UNAUTHORIZED: admission.needs_key,
    Kind.RATE_LIMITED: _too_often,
    Kind.MEDIA_TYPE: lambda: _caught(lambda: guards.check_media_type("text/plain", has_body=True)),
    Kind.READ_TIMEOUT: lambda: Problem(
        Kind.READ_TIMEOUT, f"The body did not arrive within {_BOUNDS.read_secs:g} s (server.read_timeout_secs)"
    ),
    Kind.TOO_LARGE: lambda: Body(_BOUNDS.max_body_bytes).excess(),
    Kind.SESSION_BUSY: lambda: problems.of(errors.SessionBusy(_SESSION_ID)),
    Kind.SESSION_AMBIGUOUS: lambda: problems.of(errors.SessionAmbiguous(_SESSION_ID[:8])),
    Kind.OVERLOADED: lambda: problems.of(errors.QueueFull(100, 12)),
    Kind.SHUTTING_DOWN: lambda: problems.of(errors.ShuttingDown()),
    Kind.STORE_UNAVAILABLE: lambda: problems.of(
        errors.StoreUnavailable("it is in use by another clinvk server, pid 4711")
    ),
    Kind.TIMEOUT: lambda: Problem(
        Kind.TIMEOUT, f"No answer within {_BOUNDS.request_secs:g} s (server.request_timeout_secs)"
    ),
    Kind.UNSUPPORTED: lambda: problems.unsupported(
        "/messages/0/content/1", "is an image, which the backend 'claude' is not given here", "text"
    ),
    Kind.MODEL_NOT_FOUND: lambda: _failed(ErrorCode.MODEL_NOT_FOUND, "The model 'opsu' does not exist"),
    Kind.RUN_CANCELLED: lambda: _failed(ErrorCode.CANCELLED, "The run was cancelled on request"),
    Kind.USAGE_LIMIT: lambda: _failed(ErrorCode.USAGE_LIMIT, "The account has reached its usage limit"),
    Kind.BACKEND_FAILED: lambda: _failed(ErrorCode.NO_RESULT, "The CLI ended without giving a result"),
    Kind.NOT_AUTHENTICATED: lambda: _failed(
        ErrorCode.NOT_AUTHENTICATED, "claude is not logged in: run `claude` once and log in"
    ),
    Kind.BACKEND_OVERLOADED: lambda: _failed(ErrorCode.OVERLOADED, "The model's provider is overloaded"),
    Kind.INTERNAL: lambda: problems.of(RuntimeError()),
    Kind.IDEMPOTENCY_MISMATCH: idempotency.mismatch,
}
