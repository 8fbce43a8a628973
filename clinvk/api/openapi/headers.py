"""The headers of answers: each described once, and named where it may stand."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from clinvk.api.anthropic.messages import COUNT
from clinvk.api.dialects.ask import IGNORED
from clinvk.api.idempotency import REPLAYED
from clinvk.api.operation import START_HEADER
from clinvk.api.problems import Kind
from clinvk.api.routes import Route


class _Header(NamedTuple):
    description: str
    example: str
    always: bool = False


_REQUEST: Final = "req_01k9w3m4x5c8f2h6j0n4q8s2v7"
_KNOWN: Final[Mapping[str, _Header]] = {
    "X-Request-Id": _Header("Id of this request, yours if you sent one.", _REQUEST, always=True),
    "request-id": _Header("The same, under the name that some SDKs read.", _REQUEST, always=True),
    "X-Content-Type-Options": _Header(
        "Browsers are to take the media type as it is said.", "nosniff", always=True
    ),
    "X-Run-Id": _Header("Id of the run that was started, if one was.", "run_01k9w3m4x5c8f2h6j0n4q8s2v6"),
    "X-Group-Id": _Header(
        "Id of the group of runs that was started, if one was.", "grp_01k9w3m4x5c8f2h6j0n4q8s2v4"
    ),
    START_HEADER: _Header(
        "How the run came by its child: a new process is `cold`; one that waited is `warm`, or `live` if it"
        " has the conversation still. Absent where it had none yet, as in the head of a stream that goes out at"
        " once.",
        "warm",
    ),
    REPLAYED: _Header("Whether an earlier request with the same key started it; absent if not.", "true"),
    "Cache-Control": _Header("Not to be kept, or not to be used again without asking.", "no-cache"),
    "Etag": _Header("Which version it is: for `If-None-Match`.", '"3f786850e387550fdab836ed7e6dc881"'),
    "X-Accel-Buffering": _Header("A proxy is not to hold a stream back.", "no"),
    IGNORED: _Header("The fields that were sent and have no effect.", "temperature, top_p"),
    COUNT: _Header("How the count was made: an `estimate`, since no CLI counts.", "estimate"),
    "Retry-After": _Header("Seconds after which it may work.", "5"),
    "WWW-Authenticate": _Header(
        "How to show a key; with `error` if the one that was shown is not known.", 'Bearer realm="clinvk"'
    ),
    "x-should-retry": _Header(
        "`false`: not to be repeated without being asked. It would change nothing, or run an agent twice.",
        "false",
    ),
}
OF_STREAMS: Final = ("Cache-Control", "X-Accel-Buffering")
_OF_WHAT_STARTED: Final = frozenset({"X-Run-Id", "X-Group-Id", START_HEADER})
_WITH_A_WAIT: Final = frozenset({Kind.OVERLOADED, Kind.RATE_LIMITED})
_AFTER_A_START: Final = frozenset(
    {
        Kind.TIMEOUT, Kind.INTERNAL, Kind.MODEL_NOT_FOUND, Kind.RUN_CANCELLED, Kind.USAGE_LIMIT,
        Kind.BACKEND_FAILED, Kind.NOT_AUTHENTICATED, Kind.BACKEND_OVERLOADED,
    }
)  # fmt: skip


def every() -> dict[str, Any]:
    """All that are described, by name."""
    return {
        name: _described(each.description, required=each.always) | {"example": each.example}
        for name, each in _KNOWN.items()
    }


def of(names: Iterable[str], told: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`names`, and those that every answer has. What is not known is described as it is `told`."""
    always = [name for name, each in _KNOWN.items() if each.always]
    return {
        name: {"$ref": f"#/components/headers/{name}"}
        if name in _KNOWN
        else _described((told or {})[name], required=False)
        for name in (*always, *names)
    }


def of_problem(kind: Kind, route: Route) -> list[str]:
    """Those that such a problem may have of its own. How long the queue is, is known only then."""
    own = ["Retry-After"] if kind in _WITH_A_WAIT else list(kind.value.headers)
    if kind not in _AFTER_A_START:
        return own
    started = {name for answer in route.answers.values() for name in answer.headers}
    return own + sorted(started & _OF_WHAT_STARTED)


def _described(text: str, *, required: bool) -> dict[str, Any]:
    return {"description": text, "required": required, "schema": {"type": "string"}}
