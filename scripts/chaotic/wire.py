"""HTTP by hand: for clients that leave in the middle, say half of what they have to say, or do not read."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

PATIENCE: Final = 25.0
"""Seconds without a byte after which a client takes it that it was forgotten."""
_NARROW: Final = 4096
"""Bytes of a receive buffer: a client that does not read is to be noticed."""


class Cut(Exception):
    """The connection was closed before the answer was whole."""


class Wire:
    """One connection and one request."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._port = port
        self._headers = headers
        self.status = 0
        self.head: dict[str, str] = {}

    async def open(self, *, narrow: bool = False) -> None:
        """Connect. Raises OSError."""
        connection = socket.socket()
        connection.setblocking(False)
        if narrow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE):
                await loop.sock_connect(connection, ("127.0.0.1", self._port))
            limit = _NARROW if narrow else 1 << 20
            self._reader, self._writer = await asyncio.open_connection(sock=connection, limit=limit)
        except BaseException:
            connection.close()
            raise

    async def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        """Send a request, and take the head of its answer. Raises Cut."""
        await self.say(self.request(method, path, body, **headers))
        await self.hear()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> bytes:
        """A whole request in bytes."""
        sent = b"" if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json", "Content-Length": str(len(sent))}
        told = {"Host": f"127.0.0.1:{self._port}", "Connection": "close", **self._headers, **kind, **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + sent

    async def hear(self) -> None:
        """Take the head of an answer. Raises Cut."""
        head = await self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.head = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, as it comes, to its end. Raises Cut."""
        if self.head.get("transfer-encoding") != "chunked":
            yield await self._exactly(int(self.head.get("content-length", "0")))
            return
        while size := int(await self._until(b"\r\n"), 16):
            yield await self._exactly(size)
            await self._exactly(2)

    async def whole(self) -> bytes:
        """All of the body. Raises Cut."""
        return b"".join([piece async for piece in self.pieces()])

    def end_of_asking(self) -> None:
        """Say that nothing more will be sent."""
        self._writer.write_eof()

    def leave(self) -> None:
        """Close it at once."""
        if hasattr(self, "_writer"):
            self._writer.transport.abort()

    async def _until(self, end: bytes) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                return (await self._reader.readuntil(end))[: -len(end)]
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Cut(repr(error)) from error

    async def _exactly(self, size: int) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Cut(repr(error)) from error
