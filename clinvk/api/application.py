"""The Tornado application, made from the route table."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import URLSpec
from tornado.web import Application

from clinvk.api import explorer, listening, openapi, paths
from clinvk.api.console import routes as console
from clinvk.api.handler import Handler
from clinvk.api.listening import Listener
from clinvk.api.routes import Route
from clinvk.api.services import Services
from clinvk.api.table import ROUTES


class _Application(Application):
    by_path: Mapping[str, URLSpec] = {}
    """Those of the paths that are only one, which need not be searched for."""

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        request.path = paths.canonical(request.path)
        if known := self.by_path.get(request.path):
            handler = _socket() if request.path == console.SOCKET.path else known.target
            return self.get_handler_delegate(request, handler, known.target_kwargs)
        return super().find_handler(request, **kwargs)


def _socket() -> type[Handler]:
    from clinvk.api.console.socket import Socket  # noqa: PLC0415  loaded for the first visitor

    return Socket


def application(services: Services, routes: Iterable[Route] = ROUTES) -> Application:
    """All of `routes`; whatever else is asked for is a problem in the same form."""
    routes = tuple(routes)
    by_path: dict[str, dict[str, Route]] = {}
    for route in (*routes, explorer.FILES, console.SOCKET, console.FILES):
        by_path.setdefault(route.path, {})[route.method] = route
    services.openapi = openapi.Document(routes, services.schemas)
    specs = [
        URLSpec(_pattern(path), Handler, {"services": services, "operations": operations})
        for path, operations in by_path.items()
    ]
    application = _Application(
        specs,
        default_handler_class=Handler,
        default_handler_args={"services": services, "operations": {}},
        log_function=listening.answered,  # the handler writes its own access line
        new_id=services.new_id,
    )
    application.by_path = {path: spec for path, spec in zip(by_path, specs, strict=True) if "{" not in path}
    return application


def server(services: Services, routes: Iterable[Route] = ROUTES) -> Listener:
    """The HTTP server, not yet listening."""
    return Listener(application(services, routes), services)


def _pattern(path: str) -> str:
    """`{model}` takes slashes too: vendors stand before names, and not every client escapes them."""
    pattern = re.escape(path).replace(r"\{model\}", "(?P<model>.+)")
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", pattern) + "$"
