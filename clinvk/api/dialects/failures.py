"""The failure of a run as a problem. Natively it is an answer; in a dialect it is an HTTP status."""

from collections.abc import Mapping
from math import ceil
from typing import Final

from clinvk.api.problems import Kind, Problem
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import StopCause

_KINDS: Final[Mapping[ErrorCode, Kind]] = {
    ErrorCode.USAGE_LIMIT: Kind.USAGE_LIMIT,
    ErrorCode.NOT_AUTHENTICATED: Kind.NOT_AUTHENTICATED,
    ErrorCode.MODEL_NOT_FOUND: Kind.MODEL_NOT_FOUND,
    ErrorCode.OVERLOADED: Kind.BACKEND_OVERLOADED,
    ErrorCode.TIMEOUT: Kind.TIMEOUT,
    ErrorCode.CANCELLED: Kind.RUN_CANCELLED,
    ErrorCode.INTERNAL: Kind.INTERNAL,
    ErrorCode.INTERRUPTED: Kind.INTERNAL,
}
"""What is not here is a CLI that failed."""

_LONGEST_WAIT: Final = 60
"""Seconds beyond which `Retry-After` says nothing to the SDKs: they wait for less, or as long as it says."""


def of(error: RunError, cause: StopCause | None = None) -> Problem:
    """What a client is told of a run that failed so; `cause` is why we stopped it, if we did."""
    if (error.code, cause) == (ErrorCode.CANCELLED, StopCause.SHUTDOWN):
        return Problem(Kind.SHUTTING_DOWN, error.message, headers={"x-should-retry": "false"})
    kind = _KINDS.get(error.code, Kind.BACKEND_FAILED)
    wait = error.retry_after_secs
    headers = {"Retry-After": str(max(1, ceil(wait)))} if wait is not None and wait <= _LONGEST_WAIT else {}
    return Problem(kind, error.message, headers=headers)
