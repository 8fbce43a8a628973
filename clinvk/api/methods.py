"""The methods of one path: what a client is told of them."""

from collections.abc import Mapping

from tornado.httputil import HTTPServerRequest

from clinvk.api import paths
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import Route


def allowed(operations: Mapping[str, Route]) -> str:
    """For `Allow`: those that the table has, and those that these imply."""
    implied = {"OPTIONS"} | ({"HEAD"} if "GET" in operations else set())
    return ", ".join(sorted(implied.union(operations)))


def wrong(request: HTTPServerRequest, operations: Mapping[str, Route]) -> Problem:
    """What to say where there is no such operation: is there another, or nothing at all?"""
    if not operations:
        return Problem(Kind.NOT_FOUND, paths.nothing_at(request.path))
    names = ", ".join(sorted(operations))
    detail = f"{request.path} takes {names}, not {request.method}"
    return Problem(Kind.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed(operations)})
