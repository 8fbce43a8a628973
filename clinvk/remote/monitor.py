"""The monitor of a server behind its HTTP API."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import fields
from typing import Final
from urllib.parse import urlencode

import msgspec

from clinvk.clock import SystemClock
from clinvk.domain.events import Entry
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import StopCause
from clinvk.remote import streams
from clinvk.remote.client import Client, Request, step
from clinvk.remote.log import Attempts, ConnectionLog
from clinvk.remote.problems import of_backend, of_run, of_session
from clinvk.remote.target import Target
from clinvk.views import (
    BackendView,
    Inspection,
    LogLine,
    RequestView,
    RunPage,
    RunView,
    SessionPage,
    SessionView,
    Status,
)

_LONG_SECS: Final = 60.0
"""For what asks a CLI something."""


class _Requests(msgspec.Struct):
    requests: tuple[RequestView, ...]


class _Backends(msgspec.Struct):
    backends: tuple[BackendView, ...]


class _Deleted(msgspec.Struct):
    notices: tuple[str, ...] = ()


class RemoteMonitor:
    """`clinvk.monitor.Monitor` over HTTP. Every call may raise Unreachable, and Refused.

    The two streams of events come back by themselves when they break, for ever, with what was missed; they raise
    neither. A page has 200 items at most, as with the API.

    Whoever leaves a stream closes it, and in the end somebody calls `aclose`: connections belong to one loop.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        """Reaches nothing yet. Raises BadTarget."""
        self._client = Client(Target.of(url, api_key))
        self._log = ConnectionLog(SystemClock())

    async def aclose(self) -> None:
        """End its connections; nothing can be asked after it."""
        await self._client.aclose()

    async def status(self) -> Status:
        return await self._client.ask(_get("/api/v1/status"), Status)

    async def backends(self) -> tuple[BackendView, ...]:
        request = Request("GET", "/api/v1/backends", patience=_LONG_SECS)
        return (await self._client.ask(request, _Backends)).backends

    async def requests(self, limit: int) -> tuple[RequestView, ...]:
        return (await self._client.ask(_get("/api/v1/requests", {"limit": limit}), _Requests)).requests

    def log(self, since: int = 0) -> AsyncGenerator[list[LogLine], None]:
        """What there is to tell of the connection: the server's own log stays with the server."""
        return self._log.follow(since)

    async def runs(self, query: RunQuery) -> RunPage:
        return await self._client.ask(_get("/api/v1/runs", _asked(query)), RunPage)

    async def run(self, run_id: str) -> RunView:
        return await self._client.ask(_get(f"/api/v1/runs/{step(run_id)}"), RunView, of_run(run_id))

    async def inspect(self, run_id: str) -> Inspection:
        return await self._client.ask(_get(f"/api/v1/runs/{step(run_id)}/processes"), Inspection, of_run(run_id))

    def events(self, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        """As `Monitor` says; never ends."""
        return streams.Journal(self._client, Attempts(self._log, "runs"), since).follow()

    def run_events(self, run_id: str, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        """As `Monitor` says. Where the server died and lost the last of what was read, `run.finished` has a lower
        number than that.
        """
        return streams.follow_run(self._client, Attempts(self._log, run_id), run_id, since)

    async def sessions(self, query: SessionQuery) -> SessionPage:
        return await self._client.ask(_get("/api/v1/sessions", _asked(query)), SessionPage)

    async def session(self, prefix: str) -> SessionView:
        return await self._client.ask(_get(f"/api/v1/sessions/{step(prefix)}"), SessionView, of_session(prefix))

    async def delete_session(self, session_id: str) -> tuple[str, ...]:
        request = Request("DELETE", f"/api/v1/sessions/{step(session_id)}", patience=_LONG_SECS)
        return (await self._client.ask(request, _Deleted, of_session(session_id))).notices

    async def stop(self, run_id: str, cause: StopCause) -> RunView:
        """Of the causes the server takes one's word for the console only; any other is a client's."""
        by = "?by=console" if cause is StopCause.CONSOLE else ""
        return await self._client.ask(
            Request("POST", f"/api/v1/runs/{step(run_id)}/cancel{by}"), RunView, of_run(run_id)
        )

    async def rerun(self, run_id: str, backend: str | None = None) -> RunView:
        body = msgspec.json.encode({"backend": backend}) if backend else b""
        headers = {"Content-Type": "application/json"} if body else {}
        request = Request("POST", f"/api/v1/runs/{step(run_id)}/rerun", headers, body)
        return await self._client.ask(request, RunView, {**of_run(run_id), **of_backend(backend)})


def _get(path: str, asked: Mapping[str, object] | None = None) -> Request:
    return Request("GET", f"{path}?{urlencode(asked)}" if asked else path)


def _asked(query: RunQuery | SessionQuery) -> dict[str, object]:
    """The parameters that differ from what the server takes for them; their names are the fields'."""
    named = {field.name: (getattr(query, field.name), field.default) for field in fields(query)}
    return {
        name: "true" if value is True else value for name, (value, default) in named.items() if value != default
    }
