"""Problems: what a client is told when it cannot have what it asked for.

RFC 7807, with the extension member `error` in the form the OpenAI and Anthropic SDKs read: bare
problem details reach their users as an empty message.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from clinvk.api import paths
from clinvk.domain import errors
from clinvk.domain.errors import Fault
from clinvk.domain.wire import to_wire

BASE: Final = "https://api.clinvk.dev/errors/"
MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class _Kind:
    slug: str
    status: int
    title: str
    openai_type: str
    openai_code: str | None
    anthropic_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


# SDKs repeat 408, 409, 429 and 5xx by themselves: where that could run an agent twice, they are told not to.
_ONCE: Final = {"x-should-retry": "false"}
_INVALID: Final = "invalid_request_error"


class Kind(Enum):
    """Every problem this server knows."""

    INVALID_REQUEST = _Kind("invalid-request", 400, "Invalid Request", _INVALID, None, _INVALID)
    BACKEND_NOT_FOUND = _Kind("backend-not-found", 400, "Backend Not Found", _INVALID, "model_not_found", _INVALID)
    UNSUPPORTED = _Kind(
        "unsupported-parameter", 400, "Unsupported Parameter", _INVALID, "unsupported_parameter", _INVALID
    )
    UNAUTHORIZED = _Kind(
        "unauthorized", 401, "Unauthorized", "authentication_error", "invalid_api_key", "authentication_error",
        {"WWW-Authenticate": 'Bearer realm="clinvk"'},
    )  # fmt: skip
    FORBIDDEN = _Kind("forbidden", 403, "Forbidden", "permission_error", None, "permission_error")
    NOT_FOUND = _Kind("not-found", 404, "Not Found", _INVALID, "not_found", "not_found_error")
    MODEL_NOT_FOUND = _Kind(
        "model-not-found", 404, "Model Not Found", _INVALID, "model_not_found", "not_found_error"
    )
    METHOD_NOT_ALLOWED = _Kind("method-not-allowed", 405, "Method Not Allowed", _INVALID, None, _INVALID)
    READ_TIMEOUT = _Kind("read-timeout", 408, "Read Timeout", _INVALID, "timeout", _INVALID)
    SESSION_BUSY = _Kind("session-busy", 409, "Session Busy", _INVALID, "session_busy", _INVALID, _ONCE)
    SESSION_AMBIGUOUS = _Kind(
        "session-ambiguous", 400, "Session Ambiguous", _INVALID, "session_ambiguous", _INVALID
    )
    ANSWER_NOT_KEPT = _Kind(
        "answer-not-kept", 409, "Answer Not Kept", _INVALID, "answer_not_kept", _INVALID, _ONCE
    )
    RUN_CANCELLED = _Kind("run-cancelled", 409, "Run Cancelled", _INVALID, "run_cancelled", _INVALID, _ONCE)
    IDEMPOTENCY_MISMATCH = _Kind(
        "idempotency-mismatch", 422, "Idempotency Mismatch", _INVALID, "idempotency_mismatch", _INVALID, _ONCE
    )
    TOO_LARGE = _Kind("body-too-large", 413, "Body Too Large", _INVALID, None, _INVALID)
    HEAD_TOO_LARGE = _Kind("head-too-large", 431, "Head Too Large", _INVALID, None, _INVALID)
    MEDIA_TYPE = _Kind("unsupported-media-type", 415, "Unsupported Media Type", _INVALID, None, _INVALID)
    OVERLOADED = _Kind(
        "overloaded", 429, "Overloaded", "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"
    )
    RATE_LIMITED = _Kind(
        "rate-limited", 429, "Rate Limited", "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"
    )
    USAGE_LIMIT = _Kind(
        "usage-limit", 429, "Usage Limit", "insufficient_quota", "insufficient_quota", "rate_limit_error", _ONCE
    )
    INTERNAL = _Kind("internal", 500, "Internal Error", "server_error", None, "api_error", _ONCE)
    BACKEND_FAILED = _Kind(
        "backend-failed", 502, "Backend Failed", "server_error", "cli_failed", "api_error", _ONCE
    )
    NOT_AUTHENTICATED = _Kind(
        "backend-not-authenticated", 503, "Backend Not Authenticated", "server_error", "cli_not_authenticated",
        "api_error", _ONCE,
    )  # fmt: skip
    BACKEND_OVERLOADED = _Kind(
        "backend-overloaded", 503, "Backend Overloaded", "server_error", "backend_overloaded", "overloaded_error",
        {"Retry-After": "30"},
    )  # fmt: skip
    SHUTTING_DOWN = _Kind(
        "shutting-down", 503, "Shutting Down", "server_error", None, "overloaded_error", {"Retry-After": "5"}
    )
    TOO_MANY_CONNECTIONS = _Kind(
        "too-many-connections", 503, "Too Many Connections", "server_error", None, "overloaded_error",
        {"Retry-After": "5"},
    )  # fmt: skip
    STORE_UNAVAILABLE = _Kind(
        "store-unavailable", 503, "Store Unavailable", "server_error", None, "api_error", {"Retry-After": "30"}
    )
    TIMEOUT = _Kind("timeout", 504, "Timeout", "server_error", "timeout", "timeout_error", _ONCE)


class Reader(Enum):
    """Who reads a problem, as far as its form depends on that: it says of which API, and how it wants the type."""

    OTHER = "other"
    ANTHROPIC = "anthropic"  # on a path of that API, by whatever means
    ANTHROPIC_SDK = "anthropic-sdk"  # it named a version of that API

    @classmethod
    def of(cls, headers: Mapping[str, str], path: str) -> "Reader":
        """Whoever sent such a request."""
        if "anthropic-version" in headers:
            return cls.ANTHROPIC_SDK
        return cls.ANTHROPIC if paths.is_anthropic(path) else cls.OTHER


class Problem(Exception):
    """Raised by a handler; written as its answer."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        faults: list[Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.faults = faults or []
        self.headers = {**kind.value.headers, **(headers or {})}

    @property
    def status(self) -> int:
        return self.kind.value.status

    def body(self, request_id: str, reader: Reader = Reader.OTHER) -> dict[str, Any]:
        """The answer's JSON, so that `reader` finds in it what it looks for."""
        kind = self.kind.value
        uri = BASE + kind.slug
        common = {"title": kind.title, "status": kind.status, "detail": self.detail, "request_id": request_id}
        if reader is not Reader.OTHER:
            details = {"error_code": kind.slug}
            error: dict[str, Any] = {"type": kind.anthropic_type, "message": self.detail, "details": details}
            # One client shows the message only if the top-level type is "error": the URI moves.
            moved = {"type": "error", "problem_type": uri} if reader is Reader.ANTHROPIC_SDK else {"type": uri}
            body = {**moved, **common, "error": error}
        else:
            param = self.faults[0].path.lstrip("/?").replace("/", ".") or None if self.faults else None
            error = {
                "message": self.detail, "type": kind.openai_type, "param": param, "code": kind.openai_code
            }  # fmt: skip
            body = {"type": uri, **common, "error": error}
        if self.faults:
            body["errors"] = [to_wire(fault) for fault in self.faults]
        return body


def invalid(path: str, message: str, expected: str) -> Problem:
    """One fault of the request."""
    return _of_invalid(errors.InvalidInput([Fault(path, message, expected)]))


def unsupported(path: str, message: str, expected: str) -> Problem:
    """One thing that is asked for and cannot be had here."""
    fault = Fault(path, message, expected)
    return Problem(Kind.UNSUPPORTED, _sentence([fault]), [fault])


def _of_invalid(error: errors.InvalidInput) -> Problem:
    return Problem(Kind.INVALID_REQUEST, _sentence(error.faults), error.faults)


def _sentence(faults: list[Fault]) -> str:
    return "; ".join(f"{fault.path or 'the body'} {fault.message} (expected {fault.expected})" for fault in faults)


def _of_full_queue(error: errors.QueueFull) -> Problem:
    return Problem(Kind.OVERLOADED, str(error), headers={"Retry-After": str(error.retry_after_secs)})


def _plainly(kind: Kind) -> Callable[[Any], Problem]:
    return lambda error: Problem(kind, str(error))


_TRANSLATIONS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    errors.InvalidInput: _of_invalid,
    errors.BackendNotFound: _plainly(Kind.BACKEND_NOT_FOUND),
    errors.Forbidden: _plainly(Kind.FORBIDDEN),
    errors.RunNotFound: _plainly(Kind.NOT_FOUND),
    errors.GroupNotFound: _plainly(Kind.NOT_FOUND),
    errors.SessionNotFound: _plainly(Kind.NOT_FOUND),
    errors.SessionAmbiguous: _plainly(Kind.SESSION_AMBIGUOUS),
    errors.SessionBusy: _plainly(Kind.SESSION_BUSY),
    errors.StoreUnavailable: _plainly(Kind.STORE_UNAVAILABLE),
    errors.QueueFull: _of_full_queue,
    errors.ShuttingDown: _plainly(Kind.SHUTTING_DOWN),
}


def of(error: BaseException) -> Problem:
    """The problem that `error` is to a client; what we do not know is a fault of ours, and says no more."""
    if isinstance(error, Problem):
        return error
    translate = _TRANSLATIONS.get(type(error))  # type: ignore[arg-type]
    return translate(error) if translate else Problem(Kind.INTERNAL, "The server met a fault of its own")
