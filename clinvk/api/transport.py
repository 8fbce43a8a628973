"""Tornado's streams, which also tell that bytes came and that they closed, and say why they hang up."""

import asyncio
import os
import socket
from typing import Any, Final, Protocol

import orjson
from tornado.iostream import IOStream, SSLIOStream, UnsatisfiableReadError

from clinvk.api.problems import MEDIA_TYPE, Problem

_REFUSED_BY_TORNADO: Final = b"HTTP/1.1 400 Bad Request\r\n\r\n"
_LINGER_SECS: Final = 2.0
_LINGERING: Final = 64
_CHUNK_BYTES: Final = 64 << 10
_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class Watcher(Protocol):
    """Who is told of a stream."""

    def on_bytes(self) -> None:
        """Some came."""

    def on_malformed(self) -> bytes:
        """Tornado cannot read the request, and closes next: what to say."""

    def on_too_long(self) -> None:
        """A line or a head is longer than it may be: Tornado closes at once."""

    def on_close(self, connection: socket.socket) -> None:
        """It closes now, whoever wants it. Told once."""


class _Nobody:
    def on_bytes(self) -> None: ...

    def on_malformed(self) -> bytes:
        return _REFUSED_BY_TORNADO

    def on_too_long(self) -> None: ...

    def on_close(self, connection: socket.socket) -> None: ...


class Stream(IOStream):
    """Of a connection in the clear."""

    watcher: Watcher = _Nobody()
    _is_closing = False

    @property
    def has_unread(self) -> bool:
        """Whether bytes wait that nobody has asked for yet."""
        return self._read_buffer_size > 0

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        count = super().read_from_fd(buf)
        if count:
            self.watcher.on_bytes()
        return count

    def offer(self, data: bytes) -> int:
        """Write what goes out at once; how many bytes of `data` that were. The stream is open."""
        if self.writing():
            return 0
        try:
            return self.write_to_fd(memoryview(data)) or 0
        except OSError:  # it takes nothing now, or never will: `write` finds out
            return 0

    def write(self, data: bytes | memoryview) -> "asyncio.Future[None]":
        return super().write(self.watcher.on_malformed() if data == _REFUSED_BY_TORNADO else data)

    def close(self, exc_info: Any = False) -> None:
        if not self._is_closing:
            self._is_closing = True
            if isinstance(exc_info, UnsatisfiableReadError):
                self.watcher.on_too_long()
            self.watcher.on_close(self.socket)
        super().close(exc_info)


class SecureStream(Stream, SSLIOStream):
    """Of a connection over TLS."""


class Lingering:
    """Connections that are closed but for this: what still comes is read for a while, and thrown away.

    Else the system resets the connection, and the answer that was sent last is lost on its way.
    """

    def __init__(self) -> None:
        self._timers: dict[socket.socket, asyncio.TimerHandle] = {}

    def add(self, connection: socket.socket) -> None:
        """Close it gently. It may be closed at once as well: this is another handle of it."""
        if len(self._timers) >= _LINGERING:
            return
        try:
            rest = socket.socket(connection.family, connection.type, fileno=os.dup(connection.fileno()))
        except OSError:  # no more files: it is not worth one
            return
        rest.setblocking(False)
        try:
            rest.shutdown(socket.SHUT_WR)
        except OSError:  # it has left
            rest.close()
            return
        loop = asyncio.get_running_loop()
        self._timers[rest] = loop.call_later(_LINGER_SECS, self._end, rest)
        loop.add_reader(rest, self._read, rest)

    def close(self) -> None:
        """No patience any more."""
        for rest in list(self._timers):
            self._end(rest)

    def _read(self, rest: socket.socket) -> None:
        try:
            told = rest.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            told = b""
        if not told:
            self._end(rest)

    def _end(self, rest: socket.socket) -> None:
        self._timers.pop(rest).cancel()
        asyncio.get_running_loop().remove_reader(rest)
        rest.close()


def spoken(problem: Problem, request_id: str) -> bytes:
    """A whole answer, for a request that never got as far as a handler. The connection ends with it."""
    body = orjson.dumps(problem.body(request_id))
    head = {
        "X-Request-Id": request_id,
        "request-id": request_id,
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
        **problem.headers,
    }
    lines = [f"HTTP/1.1 {problem.status} {_REASONS.get(problem.status, 'Service Unavailable')}"]
    lines += [f"{name}: {value}" for name, value in head.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
