"""What a server says instead of an answer → the error that the same call raises in its own process."""

from collections.abc import Mapping
from typing import Final, TypeAlias

import httpx
import msgspec

from clinvk.domain.errors import (
    BackendNotFound,
    ClinvkError,
    Fault,
    InvalidInput,
    RunNotFound,
    SessionAmbiguous,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    StoreUnavailable,
)
from clinvk.monitor import Refused, Unreachable
from clinvk.remote.http import whole
from clinvk.remote.target import Target
from clinvk.remote.wire import NOT_OURS

Expected: TypeAlias = Mapping[str, ClinvkError]
"""By the last step of a problem's type, what it means for the call that met it."""
NOTHING: Final[Expected] = {}


class _Problem(msgspec.Struct):
    type: str
    title: str
    detail: str
    errors: list[Fault] = []


def of_run(run_id: str) -> Expected:
    """What a call about this run may meet."""
    return {"not-found": RunNotFound(run_id)}


def of_session(session_id: str) -> Expected:
    """What a call about this session may meet."""
    return {
        "not-found": SessionNotFound(session_id),
        "session-ambiguous": SessionAmbiguous(session_id),
        "session-busy": SessionBusy(session_id),
    }


def of_backend(name: str | None) -> Expected:
    """What a call that names a backend may meet."""
    return {"backend-not-found": BackendNotFound(name)} if name else {}


async def check(target: Target, answer: httpx.Response, expected: Expected) -> None:
    """Raises what `answer` is instead of a success."""
    if 200 <= answer.status_code < 300:
        return
    if answer.status_code == 401:
        raise Unreachable(_unauthorized(target))
    if answer.status_code < 400:
        there = answer.headers.get("Location", "elsewhere")
        raise Unreachable(f"{target.url} sends us to {there}: if that is the server, give its URL with --url")
    try:
        problem = msgspec.json.decode(await whole(answer), type=_Problem)
    except NOT_OURS as error:
        raise Unreachable(
            f"{target.url} answered {answer.status_code}, and not as clinvk does:"
            " is a proxy between, or something else there?"
        ) from error
    raise _meant(problem, expected)


def _unauthorized(target: Target) -> str:
    if target.key:
        return f"{target.url} refuses the API key: --api-key-env names the variable that holds it"
    return f"{target.url} asks for an API key: name the variable that holds it with --api-key-env"


def _meant(problem: _Problem, expected: Expected) -> ClinvkError:
    kind = problem.type.rpartition("/")[2]
    match expected.get(kind):
        case BackendNotFound() as error:
            return BackendNotFound(error.name, _rest(problem.detail, f"{error}: ") or None)
        case ClinvkError() as error:
            return error
    match kind:
        case "store-unavailable":
            return StoreUnavailable(_rest(problem.detail, str(StoreUnavailable(""))) or problem.detail)
        case "shutting-down":
            return ShuttingDown()
        case "invalid-request" if problem.errors:
            return InvalidInput(problem.errors)
    return Refused(problem.detail)


def _rest(text: str, beginning: str) -> str:
    """What follows `beginning`; empty where the text has another."""
    return text[len(beginning) :] if text.startswith(beginning) else ""
