"""HTTP/1.1, as little of it as three CLIs need: requests read whole, answers as JSON or as an event stream."""

import asyncio
import json
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class HangUp(Exception):
    """Reset the connection, with no (further) word."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; the names of its headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def key(self) -> str:
        """Whatever the client shows that it may ask."""
        named = self.headers.get("x-api-key") or self.headers.get("x-goog-api-key")
        return named or self.headers.get("authorization") or self.query.get("key", "")

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object; ValueError or TypeError if it is not."""
        body = json.loads(self.body)
        if not isinstance(body, dict):
            raise TypeError("the body is no JSON object")
        return body


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer in one piece."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event. `piece` is the number of the piece of the answer that it brings, if it does."""

    data: Any
    name: str | None = None
    piece: int | None = None


class Connection:
    """One client, and one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._bodiless = False

    async def request(self) -> Request:
        """The next one; IncompleteReadError when the client has left."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        split = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in split}
        self._bodiless = method == "HEAD"
        if headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._body(headers)
        if headers.get("content-encoding") == "gzip":
            body = zlib.decompress(body, wbits=31)
        return Request(method, target, headers, body)

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self._reader.readexactly(int(headers.get("content-length", "0")))
        chunks = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            chunks.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return b"".join(chunks)

    async def whole(self, answer: Whole) -> None:
        """Send it; bytes go as they are, anything else as JSON."""
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        length = ("content-length", str(len(body)))
        self._head(answer.status, ("content-type", "application/json"), length, *answer.headers)
        self._writer.write(b"" if self._bodiless else body)
        await self._writer.drain()

    async def open_stream(self) -> None:
        self._head(200, ("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
        await self._writer.drain()

    async def event(self, event: Event) -> None:
        data = event.data if isinstance(event.data, str) else json.dumps(event.data)
        name = f"event: {event.name}\n" if event.name else ""
        raw = f"{name}data: {data}\n\n".encode()
        self._writer.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        await self._writer.drain()

    async def close_stream(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def client_gone(self) -> None:
        """Wait until the client hangs up, whatever it may say before."""
        while await self._reader.read(1 << 16):
            pass

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        self._writer.transport.abort()

    def _head(self, status: int, *headers: tuple[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Stub", "request-id: req_stub"]
        lines += [f"{name}: {value}" for name, value in headers]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
