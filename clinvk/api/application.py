"""The Tornado application, made from the route table."""

import re
from collections.abc import Iterable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.routing import URLSpec
from tornado.web import Application

from clinvk.api import explorer, openapi
from clinvk.api.handler import Handler
from clinvk.api.routes import Route
from clinvk.api.services import Services
from clinvk.api.table import ROUTES


class _Application(Application):
    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        # Clients put a base URL and a path together in every way: doubled and trailing slashes are one.
        request.path = re.sub("/{2,}", "/", request.path)
        if len(request.path) > 1:
            request.path = request.path.rstrip("/")
        return super().find_handler(request, **kwargs)


def application(services: Services, routes: Iterable[Route] = ROUTES) -> Application:
    """All of `routes`; whatever else is asked for is a problem in the same form."""
    routes = tuple(routes)
    by_path: dict[str, dict[str, Route]] = {}
    for route in (*routes, explorer.FILES):
        by_path.setdefault(route.path, {})[route.method] = route
    services.openapi = openapi.document(routes, services.schemas)
    specs = [
        URLSpec(_pattern(path), Handler, {"services": services, "operations": operations})
        for path, operations in by_path.items()
    ]
    return _Application(
        specs,
        default_handler_class=Handler,
        default_handler_args={"services": services, "operations": {}},
        log_function=lambda _: None,  # the handler writes its own access line
        new_id=services.new_id,
    )


def server(services: Services, routes: Iterable[Route] = ROUTES) -> HTTPServer:
    """The HTTP server, not yet listening. A half-sent head falls under the idle timeout."""
    return HTTPServer(
        application(services, routes),
        idle_connection_timeout=services.bounds.idle_secs,
        body_timeout=None,  # the handler keeps that clock: Tornado's closes without a word
        max_header_size=64 << 10,
    )


def _pattern(path: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)) + "$"
