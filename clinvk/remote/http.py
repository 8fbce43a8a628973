"""HTTP/1.1 as a client, one connection a request, read as fast as its reader reads and no faster.

Tornado's own client cannot let go of an answer half-way, and follows events no longer than its ceiling.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tornado.httputil import HTTPHeaders, HTTPInputError, parse_response_start_line

from clinvk.monitor import Unreachable
from clinvk.remote.target import Target

PIECE: Final = 64 << 10
"""Bytes that are read at once; a few times as many wait in memory where nobody reads."""
_CONNECT_SECS: Final = 5.0


class Malformed(Exception):
    """What came is no HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `patience` is how many seconds may pass without a byte."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    patience: float = 15.0


class Answer:
    """An answer whose head has been read, and whose body is read piece by piece."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: HTTPHeaders, patience: float) -> None:
        self.status = status
        self.headers = headers
        self._reader = reader
        self._patience = patience
        self._chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self._left: int | None = 0 if self._chunked or status in {204, 304} else _length(headers)
        self._begun = False

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """The next bytes of the body; empty at its end. Raises what `told` knows where it breaks off."""
        async with asyncio.timeout(self._patience):
            if self._chunked and not self._left:
                await self._next_chunk()
            if self._left == 0:
                return b""
            data = await self._reader.read(PIECE if self._left is None else min(PIECE, self._left))
        if self._left is not None:
            if not data:
                raise EOFError
            self._left -= len(data)
        return data

    async def whole(self, ceiling: int) -> bytes:
        """All of the body. Raises Malformed where it is longer than `ceiling` bytes."""
        parts: list[bytes] = []
        size = 0
        while data := await self.read():
            parts.append(data)
            size += len(data)
            if size > ceiling:
                raise Malformed(f"the answer is longer than {ceiling} bytes")
        return b"".join(parts)

    async def _next_chunk(self) -> None:
        if self._begun:
            await self._reader.readexactly(2)
        self._begun = True
        size = (await self._reader.readuntil(b"\r\n")).partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", size):
            raise Malformed("a chunk has no length")
        self._left = int(size, 16)
        self._chunked = self._left > 0  # nobody asks for trailers


@asynccontextmanager
async def exchange(target: Target, request: Request) -> AsyncIterator[Answer]:
    """Send `request` and have the head of its answer; the connection ends with the context.

    Raises Unreachable, also for what breaks within the context.
    """
    try:
        reader, writer = await _connect(target)
        try:
            writer.write(target.head(request.method, request.path, _with_length(request)) + request.body)
            async with asyncio.timeout(request.patience):
                await writer.drain()
                answer = await _answer(reader, request.patience)
            yield answer
        finally:
            if not writer.transport.is_closing():
                writer.transport.abort()  # what is still under way is for nobody
    except (OSError, EOFError, Malformed, HTTPInputError, asyncio.LimitOverrunError) as error:
        raise Unreachable(f"{target.url} {told(error, request.patience)}") from error


def told(error: Exception, patience: float) -> str:
    """What went wrong on a connection, with its cure if there is one: the end of a sentence."""
    match error:
        case TimeoutError():
            return f"said nothing for {patience:g} seconds"
        case ssl.SSLCertVerificationError():
            return (
                f"has a certificate that is not trusted: {error.verify_message} (SSL_CERT_FILE can name another)"
            )
        case ssl.SSLError():
            return f"does not speak TLS as we do: {error.reason or error} (is it http://?)"
        case EOFError():
            return "broke the connection off"
        case OSError():
            return _of_system(error)
    return f"does not answer in HTTP/1.1: {error}"


def _of_system(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection: is `clinvk serve` running there?"
    if isinstance(error, ConnectionError):
        return "broke the connection off"
    return f"cannot be reached: {error.strerror or error}"


async def _connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first of its addresses that takes it. Asyncio can try them at once, and then loses a socket now and
    then where it is cancelled.
    """
    name = target.host if target.tls else None
    failure: OSError = TimeoutError()
    for address in await _addresses(target):
        try:
            async with asyncio.timeout(_CONNECT_SECS):
                return await asyncio.open_connection(
                    address, target.port, ssl=target.tls, server_hostname=name, limit=PIECE
                )
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        why = f"no connection in {_CONNECT_SECS:g} seconds"
        raise Unreachable(f"{target.url} cannot be reached: {why}") from failure
    raise failure


async def _addresses(target: Target) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _answer(reader: asyncio.StreamReader, patience: float) -> Answer:
    while True:
        data = await reader.readuntil(b"\r\n\r\n")
        start, _, rest = data.decode("latin-1").partition("\r\n")
        status = parse_response_start_line(start).code
        if status >= 200:  # those below announce another
            return Answer(reader, status, HTTPHeaders.parse(rest), patience)


def _with_length(request: Request) -> dict[str, str]:
    has_body = bool(request.body) or request.method == "POST"
    return {**request.headers, "Content-Length": str(len(request.body))} if has_body else dict(request.headers)


def _length(headers: HTTPHeaders) -> int | None:
    """None: it ends with the connection."""
    text = headers.get("Content-Length")
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", text):
        raise Malformed("its length is no number")
    return int(text)
