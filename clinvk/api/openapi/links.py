"""Where an answer leads: the operations that take an id which it tells."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from clinvk.api.routes import JSON, Answer, Route


class _Told(NamedTuple):
    """One thing that an answer tells, and what takes it: paths that begin so, or the query of one operation."""

    expression: str
    paths: str = ""
    operation: str = ""
    parameter: str = "id"


_RUNS: Final = "/api/v1/runs/{id}"
_SESSIONS: Final = "/api/v1/sessions/{id}"
_HEADERS: Final[Mapping[str, tuple[_Told, ...]]] = {
    "X-Run-Id": (_Told("$response.header.X-Run-Id", _RUNS),),
    "X-Group-Id": (
        _Told("$response.header.X-Group-Id", "/api/v1/groups/{id}"),
        _Told("$response.header.X-Group-Id", operation="listRuns", parameter="group_id"),
    ),
}
_SCHEMAS: Final[Mapping[str, tuple[_Told, ...]]] = {
    "native/prompt-response": (
        _Told("$response.body#/session_id", _SESSIONS),
        _Told("$response.body#/session_id", operation="listRuns", parameter="session_id"),
    ),
    "native/run-list": (_Told("$response.body#/next_cursor", operation="listRuns", parameter="cursor"),),
    "native/session-list": (_Told("$response.body#/next_cursor", operation="listSessions", parameter="cursor"),),
}


def of(answer: Answer, routes: Iterable[Route]) -> dict[str, Any]:
    """Links by the name of the operation each leads to."""
    told = [each for name in answer.headers for each in _HEADERS.get(name, ())]
    told += _SCHEMAS.get(answer.content.get(JSON, ""), ())
    return {
        route.name: {"operationId": route.name, "parameters": {each.parameter: each.expression}}
        for each in told
        for route in _taking(each, routes)
    }


def _taking(told: _Told, routes: Iterable[Route]) -> Iterator[Route]:
    for route in routes:
        by_path = bool(told.paths) and route.path.startswith(told.paths)
        by_query = route.name == told.operation and any(each.name == told.parameter for each in route.parameters)
        if by_path or by_query:
            yield route
