"""A real server on a free port over a real supervisor, and two clients: Tornado's own, and a bare socket."""

import asyncio
import itertools
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from clinvk import processes
from clinvk.api import application
from clinvk.api.dialects.models import Models
from clinvk.api.problems import BASE, Kind
from clinvk.api.routes import Route
from clinvk.api.services import Bounds, Services
from clinvk.api.table import ROUTES
from clinvk.backends.registry import Registry, default_registry
from clinvk.clock import SystemClock
from clinvk.local_monitor import LocalMonitor
from clinvk.schemas import Schemas
from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.sessions import SessionOptions
from clinvk.supervisor.supervisor import Supervisor
from clinvk.telemetry.logging import LogRing
from clinvk.views import RunView
from tests.api.client import DEADLINE, Connection, Reply, Stream
from tests.api.logged import Log
from tests.conftest import close

BACKENDS = default_registry().names()
QUICK = "/big 5"
"""A prompt whose answer is there at once: `the d`."""
BRIEF = "/steady 30 1"
"""Takes a second: long enough to be seen under way."""


class Server:
    """One server under test, and its clients."""

    def __init__(
        self, services: Services, keeping: Keeping, http: HTTPServer, routes: Iterable[Route], log: Log
    ) -> None:
        sockets = bind_sockets(0, "127.0.0.1")
        http.add_sockets(sockets)
        self.services = services
        self.keeping = keeping
        self.supervisor = services.supervisor
        self.http = http
        self.port = sockets[0].getsockname()[1]
        self.sockets = sockets
        self.origin = services.address = f"http://127.0.0.1:{self.port}"
        self.routes = tuple(routes)
        self.log = log
        self._client = AsyncHTTPClient(force_instance=True, max_clients=200)
        self._connections: list[Connection] = []
        self._closed = False

    def faults(self, schema: str, value: object) -> list[Any]:
        """What is wrong with `value` by the schema of that name."""
        return self.services.schemas.checker(schema).faults(value)

    async def fetch(
        self,
        path: str,
        body: object = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Reply:
        """One request, `body` as JSON or `data` as it is. The answer is one that the table describes."""
        if body is not None:
            data = json.dumps(body).encode()
        method = method or ("GET" if data is None else "POST")
        given = {} if data is None else {"Content-Type": "application/json"}
        request = HTTPRequest(
            self.origin + path,
            method=method,
            body=data,
            headers={**given, **(headers or {})},
            request_timeout=DEADLINE,
            follow_redirects=False,
            allow_nonstandard_methods=True,
        )
        answer = await self._client.fetch(request, raise_error=False)
        assert answer.code != 599, answer.error
        reply = Reply(answer.code, answer.headers, answer.body)
        self.check(method, path, reply)
        return reply

    async def prompt(self, prompt: str, *, headers: Mapping[str, str] | None = None, **fields: object) -> Reply:
        """Run `prompt` on the demo backend."""
        return await self.fetch("/api/v1/prompt", {"backend": "demo", "prompt": prompt, **fields}, headers=headers)

    async def connect(self) -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        self._connections.append(Connection(reader, writer))
        return self._connections[-1]

    async def raw(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Connection:
        """Send a request with these headers and no others but Host; its answer is not read yet."""
        connection = await self.connect()
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in {"Host": "localhost", **(headers or {})}.items()]
        await connection.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return connection

    async def post(
        self, body: object, headers: Mapping[str, str] | None = None, path: str = "/api/v1/prompt"
    ) -> Connection:
        """Ask for a prompt, or for many, on a bare socket; the answer is not read yet."""
        data = json.dumps(body).encode()
        length = {"Content-Type": "application/json", "Content-Length": str(len(data))}
        return await self.raw("POST", path, {**length, **(headers or {})}, data)

    async def stream(self, prompt: str, **fields: object) -> Stream:
        """A stream of NDJSON whose head has been read."""
        body = {"backend": "demo", "prompt": prompt, "output_format": "stream-json", **fields}
        connection = await self.post(body)
        assert await connection.head() == 200
        return Stream(connection)

    async def started(self, count: int = 1) -> RunHandle:
        """Wait until `count` runs have had a child; the newest of all runs."""
        journal = self.supervisor.journal
        async with asyncio.timeout(DEADLINE):
            while sum(entry.type == "run.started" for entry in await journal.read()) < count:
                await journal.changed()
        return self.newest()

    async def taken(self, count: int = 1) -> RunHandle:
        """Wait until there are `count` runs, queued or not; the newest."""
        async with asyncio.timeout(DEADLINE):
            while self.supervisor.journal.length < count:
                await self.supervisor.journal.changed()
        return self.newest()

    def newest(self) -> RunHandle:
        return list(self.supervisor.history._handles.values())[-1]

    async def end(self, run_id: str) -> RunView:
        """The run once it has ended."""
        async with asyncio.timeout(DEADLINE):
            await asyncio.shield(self.supervisor.handle(run_id).finished)
        return self.supervisor.history.view(run_id)

    def check(self, method: str, path: str, reply: Reply) -> None:
        """Every answer, whatever the test, is one that the route table describes."""
        assert reply.headers["X-Request-Id"] == reply.headers["request-id"]
        route = self._route(method, path)
        is_problem = reply.status >= 400 and not (route and reply.status in route.answers)
        if is_problem:
            assert reply.media_type == "application/problem+json"
        if method == "HEAD":
            assert not reply.body
            return
        if is_problem:
            assert self.faults("domain/problem", reply.json) == []
            assert reply.json["status"] == reply.status
            assert reply.json["request_id"] == reply.headers["X-Request-Id"]
        if route:
            _check_against(route, reply, self.faults)

    def _route(self, method: str, path: str) -> Route | None:
        plain = re.sub("/+", "/", path.partition("?")[0])
        for route in self.routes:
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.path).replace(r"\{model\}", ".+"))
            if route.method == method and re.fullmatch(pattern, plain):
                return route
        return None

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.http.stop()
        async with asyncio.timeout(DEADLINE):
            await self.supervisor.drain(0)
            await self.services.requests.none_left(1)
            for connection in self._connections:
                await connection.leave(abruptly=True)
            self._client.close()
            await self.http.close_all_connections()
        await close(self.keeping)


def _check_against(route: Route, reply: Reply, faults: Callable[[str, object], list[Any]]) -> None:
    if reply.status not in route.answers:
        uri = reply.json.get("problem_type") or reply.json["type"]
        of_any = (Kind.FORBIDDEN, Kind.INTERNAL, Kind.UNAUTHORIZED, Kind.RATE_LIMITED)
        kinds = {BASE + kind.value.slug for kind in (*route.problems, *of_any)}
        assert uri in kinds, f"{route.method} {route.path} does not say that it may answer {uri}"
        return
    content = route.answers[reply.status].content
    schema = content[reply.media_type] if content else ""
    if not schema:
        return
    match reply.media_type:
        case "application/json":
            values = [reply.json]
        case "text/event-stream":
            values = [event.data for event in reply.sse]
        case _:
            values = reply.events
    for value in values:
        assert faults(schema, value) == []


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    """All servers share them: they do not change."""
    return Schemas()


@pytest.fixture
async def new_server(
    task_factory: str, tmp_path: Path, caplog: Any, schemas: Schemas, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """Starts servers with bounds and limits of one's own. None may leave a child or an error in the log."""
    if task_factory == "eager":
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    caplog.set_level(logging.INFO)
    servers: list[Server] = []
    numbers = itertools.count()
    log = Log()
    ring = LogRing()
    logging.getLogger().addHandler(log)
    ring.install()
    monkeypatch.setenv("HOME", str(tmp_path))  # the demo child keeps its conversations there
    monkeypatch.setattr("clinvk.supervisor.pressure.is_high", lambda: False)  # whatever else is on this machine
    workdir = tmp_path / "workdir"
    workdir.mkdir()

    async def make(
        bounds: Bounds | None = None,
        limits: Limits | None = None,
        routes: Iterable[Route] = ROUTES,
        options: SessionOptions | None = None,
        home: Path | None = None,
        *,
        registry: Registry | None = None,
    ) -> Server:
        home = home or tmp_path / f"home-{len(servers)}"
        clock = SystemClock()

        def new_id(kind: str) -> str:
            return f"{kind}_{next(numbers)}"

        keeping = Keeping(Spool(home / "runs"), await Store.open(home), options or SessionOptions())
        supervisor = Supervisor(registry or default_registry(), limits or Limits(), clock, new_id, keeping=keeping)
        await supervisor.open()
        services = Services(supervisor, schemas, bounds or Bounds(), clock, new_id, str(workdir))
        services.models = Models(BACKENDS, default="demo")
        services.monitor = LocalMonitor(services, ring)
        http = application.server(services, routes)
        servers.append(Server(services, keeping, http, routes, log))
        return servers[-1]

    yield make
    for server in servers:
        await server.close()
    left = [row for row in processes.descendants(os.getpid(), processes.table()) if row.alive]
    logging.getLogger().removeHandler(log)
    logging.getLogger().removeHandler(ring)
    assert not left, f"left behind: {left}"


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest, caplog: Any) -> Any:
    """No test may make the server complain of itself, but for one that asks for `complaints`."""
    yield
    if "complaints" not in request.fixturenames:
        said = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
        assert not said, said


@pytest.fixture
def complaints(caplog: Any) -> Callable[[], list[logging.LogRecord]]:
    """What the server complained of. To ask for this says that there will be something."""
    return lambda: [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]


@pytest.fixture
async def server(new_server: Callable[..., Awaitable[Server]]) -> Server:
    """A server with the usual bounds."""
    return await new_server()
