"""The one request handler: guards, body → checked value, endpoint, problem, access line."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, Final

import orjson
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from clinvk.api import admission, client, cors, guards, methods, parameters, presence, problems
from clinvk.api.access import Access
from clinvk.api.body import DISCARD_LIMIT, Body
from clinvk.api.idempotency import HEADER
from clinvk.api.operation import HEADERS, START_HEADER, Begun
from clinvk.api.problems import Kind, Problem, Reader
from clinvk.api.routes import Route
from clinvk.api.services import Services
from clinvk.api.transport import Stream
from clinvk.domain.access import Grant
from clinvk.domain.spec import Dialect, Origin
from clinvk.domain.wire import to_wire

_log = logging.getLogger("clinvk.access")

_SANE_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")


@stream_request_body
class Handler(RequestHandler):
    """Serves the operations of one path. Endpoints read `body`, `path` and `query` and call `reply`."""

    # Here, because Tornado sets the default headers before it calls `initialize`.
    request_id = ""
    _told: Mapping[str, str] = {}

    def initialize(self, services: Services, operations: Mapping[str, Route]) -> None:
        self.services = services
        self.operations = operations
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the client has left."""
        self.client = client.of(self.request, services.bounds.trusted_proxies)
        self.access = Access(services, self.request, self.request_id, self.client.address, operations)
        self.grant: Grant | None = None
        """Of the key that was shown; None where none is asked for, or where one gets in without."""
        self.keyring = services.keyring
        """That of when the head came."""
        self.body: Any = None
        self.query: dict[str, Any] = {}
        self.path: dict[str, str] = {}
        self._begun: Begun | None = None
        self._declared: int | None = 0
        self._incoming = Body(services.bounds.max_body_bytes)
        self._timer: asyncio.TimerHandle | None = None
        self._watch = presence.Watch(self._connection.stream)

    # The request comes in.

    def set_default_headers(self) -> None:
        sent = self.request.headers.get("X-Request-Id", "")
        if not self.request_id:
            self.request_id = sent if _SANE_ID.fullmatch(sent) else self.application.settings["new_id"]("req")
        self.clear_header("Server")
        self.set_header("X-Request-Id", self.request_id)
        self.set_header("request-id", self.request_id)
        for name, value in self._told.items():  # what was set before is cleared for a problem
            self.set_header(name, value)
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        self.access.begin()
        self._declared = guards.declared_length(self.request.headers.get("Content-Length"))
        self._connection.set_max_body_size(1 << 60)  # we count ourselves
        # Said once the body is in: a sender who finds the connection closed never reads the answer.
        endless = self._declared is None or self._declared > DISCARD_LIMIT
        if self._refusal and ("Expect" in self.request.headers or endless):
            self._hang_up(self._refusal)
            return
        patience = self.services.bounds.read_secs
        self._timer = asyncio.get_running_loop().call_later(patience, self._read_too_long)

    @property
    def keys(self) -> list[str]:
        """The API keys that the request shows."""
        return admission.keys(self.request.headers)

    @cached_property
    def _refusal(self) -> Problem | None:
        """Why it is not taken, by its head alone."""
        return admission.refusal(self)

    def data_received(self, chunk: bytes) -> None:
        self._incoming.add(chunk)
        if self._refusal:
            self._incoming.forget()
        if self._incoming.endless:
            self._hang_up(self._refusal or self._incoming.excess())

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._stop_timer()
        if not self.gone.done():
            self.gone.set_result(None)
        self.access.end(499)

    async def _serve(self, **path: str) -> None:
        self._stop_timer()
        if self._refusal:
            raise self._refusal
        if self._incoming.too_large:
            raise self._incoming.excess()
        admission.check_again(self)
        if self.request.method == "OPTIONS" and (self.operations or cors.is_preflight(self.request)):
            self._tell_methods()
            return
        route = self.route
        if route is None:
            raise methods.wrong(self.request, self.operations)
        self.path = path
        self.query = parameters.read(route.parameters, self.get_query_argument, self.request.headers)
        if route.request and not route.needs_body and self._incoming.is_empty:
            self.body = {}
        elif route.request:
            self.body = self._incoming.value(self.services.schemas.checker(route.request))
        self._watch.begin()
        if self._connection.stream.closed() and not self.gone.done():
            self.on_connection_close()  # its end came with its body: Tornado tells of no such end
        await route.endpoint(self)

    get = post = put = patch = delete = head = options = _serve

    # The answer goes out.

    @property
    def route(self) -> Route | None:
        """The operation that is asked for; None if the path has none of that method."""
        return self.operations.get("GET" if self.request.method == "HEAD" else self.request.method or "")

    @property
    def origin(self) -> Origin:
        """Who asks, for the run's record."""
        keyed = HEADER in self.query
        dialect = self.route.dialect if self.route else Dialect.NATIVE
        label = self.grant.label if self.grant else None
        client = self.client
        return Origin(dialect, client.address, label, self.request_id, client.base_url, keyed, grant=self.grant)

    def started(self, begun: Begun) -> None:
        """Name what was started, a run or a group of them, in the answer's head and in the access line."""
        self.access.run_id = begun.id
        self.tell(HEADERS[begun.id.partition("_")[0]], begun.id)
        self._begun = begun

    def tell(self, name: str, value: str) -> None:
        """Set a header that every answer has from now on, also if it is a problem."""
        self._told = {**self._told, name: value}
        self.set_header(name, value)

    def reply(self, value: Any, status: int = 200) -> None:
        """Answer with JSON; a dataclass becomes its fields."""
        body = value if isinstance(value, dict) else to_wire(value)
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(orjson.dumps(body))

    async def deliver(self, value: dict[str, Any]) -> None:
        """Answer with JSON of whatever size, and wait until it is out, as `send` does."""
        data = orjson.dumps(value)
        self.set_header("Content-Type", "application/json")
        self.set_header("Content-Length", str(len(data)))
        await self.send(data)
        self.finish()

    def open_stream(self, media_type: str) -> None:
        """Headers of an answer that comes bit by bit, each of them at once."""
        self._connection.stream.set_nodelay(True)
        self.set_header("Content-Type", f"{media_type}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")

    @property
    def head_is_out(self) -> bool:
        """Whether status and headers have been sent."""
        return self._headers_written

    def flush(self, include_footers: bool = False) -> "asyncio.Future[None]":
        start = self._begun.child_start if self._begun and not self.head_is_out else None
        if start:
            self.set_header(START_HEADER, start)
        return super().flush(include_footers)

    async def send(self, data: bytes) -> None:
        """Write and wait until it is out. A reader that takes nothing for too long is left: StreamClosedError."""
        if pushed := self.push(data):
            await self.sent(pushed)

    def push(self, data: bytes) -> "asyncio.Future[None] | None":
        """Write at once. None if all of it is out already; else done when it is, to be awaited by `sent`."""
        stream = self._connection.stream
        assert isinstance(stream, Stream)
        if not self.head_is_out or stream.closed():
            self.write(data)
            return self.flush()
        if not data:
            return None
        framed = b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
        out = stream.offer(framed)
        return stream.write(framed[out:]) if out < len(framed) else None

    @cached_property
    def _is_chunked(self) -> bool:
        """Whether each write is a chunk: asked once the head is out."""
        return "Transfer-Encoding" in self._headers

    async def sent(self, pushed: "asyncio.Future[None]") -> None:
        """Wait until what was pushed is out, as `send` does."""
        patience = self.services.bounds.write_secs
        try:
            await asyncio.wait_for(asyncio.shield(pushed), patience)
        except TimeoutError:
            extra = {"timeout": "write", "seconds": patience, "request_id": self.request_id}
            _log.warning("client reads nothing", extra=extra)
            self.access.end(499, broken=True)
            self._connection.stream.close()
            raise StreamClosedError from None

    def compute_etag(self) -> None:
        return None

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        if self._headers_written and not self._finished:
            # A stream that just ends is taken for a success: break it off instead.
            self.access.end(status_code, broken=True)
            self._connection.stream.close()
            return
        super().send_error(status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, HTTPError):  # Tornado's own, and it may say so before it lets us look at who asks
            undecodable = Problem(Kind.INVALID_REQUEST, "The path or the query is not UTF-8")
            wrong = methods.wrong(self.request, self.operations) if status_code == 405 else undecodable
            error = self._refusal or wrong
        self._answer(problems.of(error) if error else Problem(Kind.INTERNAL, "The request failed"))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:  # noqa: ARG002
        if isinstance(value, StreamClosedError):  # told by a write: Tornado tells of it in a moment
            self.access.end(499)
        elif value and not isinstance(value, HTTPError) and problems.of(value).kind is Kind.INTERNAL:
            _log.error("handler failed", exc_info=value, extra={"request_id": self.request_id})

    def on_finish(self) -> None:
        self._stop_timer()
        self.access.end(self.get_status())

    def _answer(self, problem: Problem) -> None:
        self.set_status(problem.status)
        for name, value in problem.headers.items():
            self.set_header(name, value)
        self.set_header("Content-Type", problems.MEDIA_TYPE)
        reader = Reader.of(self.request.headers, self.request.path)
        self.finish(orjson.dumps(problem.body(self.request_id, reader)))

    def _hang_up(self, problem: Problem) -> None:
        """Answer before the body is in; Tornado then closes the connection."""
        self.set_header("Connection", "close")
        self._answer(problem)

    def _tell_methods(self) -> None:
        allowed = methods.allowed(self.operations)
        self.set_status(204)
        self.set_header("Allow", allowed)
        if cors.is_preflight(self.request):
            for name, value in self.services.bounds.cors.of_preflight(self.request.headers, allowed).items():
                self.set_header(name, value)
        self.finish()

    @property
    def _connection(self) -> HTTP1Connection:
        assert isinstance(self.request.connection, HTTP1Connection)
        return self.request.connection

    def _read_too_long(self) -> None:
        patience = self.services.bounds.read_secs
        self._hang_up(
            Problem(Kind.READ_TIMEOUT, f"The body did not arrive within {patience:g} s (server.read_timeout_secs)")
        )

    def _stop_timer(self) -> None:
        self._watch.end()
        if self._timer:
            self._timer.cancel()
            self._timer = None


Endpoint = Callable[[Handler], Awaitable[None]]
