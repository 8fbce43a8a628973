"""What is told of a request: its line in the log, its view among the requests, its beat in the pulse."""

import logging
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tornado.httputil import HTTPServerRequest

from clinvk.clock import rfc3339
from clinvk.domain.spec import Dialect
from clinvk.telemetry.audit import Who
from clinvk.views import RequestView

if TYPE_CHECKING:
    from clinvk.api.routes import Route
    from clinvk.api.services import Services

_log = logging.getLogger("clinvk.access")

_AUTHORITY: Final = re.compile("[^:/]*:/+[^/]*")
"""How a target in absolute form begins: before it is routed, and after, when doubled slashes are one."""
_PATH_CHARS: Final = 500
_METHOD_CHARS: Final = 16
OTHER: Final = "other"
"""The path of what the table does not have."""
CONSOLE: Final = "clinvk/"
"""So begins the User-Agent of a console. What it looks at, all the time, is no news to whoever watches."""


class Access:
    """One request, from its coming to its end: `clinvk.api.requests.Request`."""

    def __init__(
        self,
        services: "Services",
        request: HTTPServerRequest,
        request_id: str,
        client: str,
        operations: Mapping[str, "Route"] = MappingProxyType({}),
    ) -> None:
        """`client` is its address, `operations` are those of its path."""
        self.id = request_id
        self.run_id: str | None = None
        """The run that it started or asks for; or the group of runs that it started."""
        self.key_label: str | None = None
        """Of the API key that it was let in with."""
        self._services = services
        self._request = request
        self._client = client
        self._operations = operations
        self._at = services.clock.wall()
        self._began = services.clock.monotonic()
        self._over = False
        self._is_look = request.method == "GET" and request.headers.get("User-Agent", "").startswith(CONSOLE)

    @property
    def view(self) -> RequestView | None:
        """As it is now, under way."""
        return None if self._is_look else self._seen(None)

    def begin(self) -> None:
        """It is under way."""
        self._services.requests.add(self)

    def end(self, status: int, *, broken: bool = False) -> None:
        """It was answered with `status`, or it was `broken` off by us. Only the first end counts."""
        if self._over:
            return
        self._over = True
        is_look = self._is_look and status < 400  # who is refused is news, whatever he says he is
        if not is_look:
            self._services.pulse.count(failed=broken or status >= 500)
        self._services.requests.remove(self, None if is_look else self._seen(status))
        request, method = self._request, self._request.method or ""
        self._services.books.asked(self._target, method, status, self._ms / 1000, self._who)
        _log.info(
            "request",
            extra={
                "method": request.method,
                "path": _path(request),
                "status": status,
                "ms": self._ms,
                "client": self._client,
                "key": self.key_label,
                "request_id": self.id,
                "run_id": self.run_id,
            },
        )

    @property
    def _target(self) -> str:
        """The path of the table that was asked for; `other` where it has none, or not with that method."""
        method = self._request.method or ""
        route = self._operations.get("GET" if method == "HEAD" else method)
        return route.path if route else OTHER

    @property
    def _who(self) -> Who:
        """As the audit log names whoever asks."""
        route = next(iter(self._operations.values()), None)
        via = route.dialect if route else Dialect.NATIVE
        return Who(via, self.key_label, self._client or None, self.id)

    @property
    def _ms(self) -> float:
        return round((self._services.clock.monotonic() - self._began) * 1000, 1)

    def _seen(self, status: int | None) -> RequestView:
        request, path = self._request, _path(self._request)
        return RequestView(
            id=self.id,
            at=rfc3339(self._at),
            method=(request.method or "")[:_METHOD_CHARS],
            path=path if len(path) <= _PATH_CHARS else path[: _PATH_CHARS - 1] + "…",
            status=status,
            duration_ms=self._ms,
            client=self._client,
            key_label=self.key_label,
            run_id=self.run_id if self.run_id and self.run_id.startswith("run_") else None,
        )


def _path(request: HTTPServerRequest) -> str:
    """Without the query, and without the user and password that a target in absolute form may hold."""
    path = request.path
    if path.startswith("/"):
        return path
    absolute = _AUTHORITY.match(path)
    return path[absolute.end() :] or "/" if absolute else path.rpartition("@")[2]
