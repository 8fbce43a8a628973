"""A client that sees every byte: what a server answers, and connections to do odd things with."""

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass, replace
from typing import Any

from tornado.httputil import HTTPHeaders

from clinvk.api.connections import Phase
from tests import ndjson

DEADLINE = 20.0


@dataclass
class Reply:
    """One answer of the server, whole."""

    status: int
    headers: HTTPHeaders
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """Lines of NDJSON, blank ones passed over."""
        return list(ndjson.events(self.body.split(b"\n")))

    @property
    def sse(self) -> list["Event"]:
        """What an EventSource would make of it."""
        found = []
        for block in self.body.decode().split("\n\n"):
            lines = [line for line in block.split("\n") if line and not line.startswith(":")]
            if lines:
                fields = {"id": "-1", "event": "message"} | dict(line.split(": ", 1) for line in lines)
                if fields["data"] != "[DONE]":
                    found.append(Event(int(fields["id"]), fields["event"], json.loads(fields["data"])))
        return found

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]


@dataclass
class Event:
    """One server-sent event."""

    id: int
    event: str
    data: Any


class Connection:
    """A bare socket that speaks as much HTTP as a test asks it to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.headers = HTTPHeaders()

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(DEADLINE):
            self.writer.write(data)
            await self.writer.drain()

    async def head(self) -> int:
        """Read the head of an answer; its status. Interim answers are answers too."""
        async with asyncio.timeout(DEADLINE):
            data = await self.reader.readuntil(b"\r\n\r\n")
        start, _, rest = data.decode("latin-1").partition("\r\n")
        self.status = int(start.split()[1])
        self.headers = HTTPHeaders.parse(rest)
        return self.status

    async def chunk(self) -> bytes:
        """The next chunk; empty at a clean end. Raises IncompleteReadError where it breaks off."""
        async with asyncio.timeout(DEADLINE):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            data = await self.reader.readexactly(size + 2)
        return data[:-2]

    async def chunks(self) -> bytes:
        """All that is left of a chunked body."""
        body = b""
        while chunk := await self.chunk():
            body += chunk
        return body

    async def reply(self) -> Reply:
        """One whole answer that says its length or is chunked."""
        await self.head()
        if "Content-Length" in self.headers:
            async with asyncio.timeout(DEADLINE):
                body = await self.reader.readexactly(int(self.headers["Content-Length"]))
        else:
            body = await self.chunks()
        return Reply(self.status, self.headers, body)

    async def closed(self) -> bytes:
        """Wait until the server hangs up; what it said before that."""
        async with asyncio.timeout(DEADLINE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def leave(self, *, abruptly: bool = False) -> None:
        """Hang up, `abruptly` by a reset."""
        if abruptly:
            self.writer.transport.abort()
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # what was still said to who had taken leave
            await self.writer.wait_closed()


class Stream:
    """The events of one stream of NDJSON, as they come."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.run_id = connection.headers.get("X-Run-Id")
        self._lines: list[bytes] = []
        self._rest = b""

    async def line(self) -> bytes:
        """The next line, without its end; blank ones too."""
        while not self._lines:
            chunk = await self.connection.chunk()
            assert chunk, "the stream has ended"
            *self._lines, self._rest = (self._rest + chunk).split(b"\n")
        return self._lines.pop(0)

    async def until(self, kind: str) -> Any:
        """The next event of `kind`."""
        while True:
            line = await self.line()
            if line and json.loads(line)["type"] == kind:
                return json.loads(line)

    async def rest(self) -> list[Any]:
        """Every event from here to the end."""
        body = b"\n".join([*self._lines, self._rest]) + await self.connection.chunks()
        return list(ndjson.events(body.split(b"\n")))

    async def leave(self, *, abruptly: bool = False) -> None:
        await self.connection.leave(abruptly=abruptly)


async def run_of(server: Any, prompt: str, **fields: object) -> str:
    """A run that has ended."""
    reply = await server.prompt(prompt, **fields)
    return reply.headers["X-Run-Id"]


async def hanging(server: Any) -> str:
    """A run that is under way, and stays so."""
    run_id = (await server.prompt("/hang", detach=True)).headers["X-Run-Id"]
    await heard(server, run_id, b"session.bound")
    return run_id


async def heard(server: Any, run_id: str, word: bytes) -> None:
    """Follow a run until its events have that word."""
    stream = await server.raw("GET", f"/api/v1/runs/{run_id}/events")
    await stream.head()
    seen = b""
    while word not in seen:
        seen += await stream.chunk()
    await stream.leave()


async def hurried(server: Any, head: bytes, **bounds: float) -> Connection:
    """Send that, whose first byte has come before the bounds are so tight: no clock is short that runs by then."""
    connection: Connection = await server.connect()
    await connection.send(head[:1])
    async with asyncio.timeout(DEADLINE):
        while not server.http.connections._in[Phase.HEAD]:
            await asyncio.sleep(0)
    server.services.bounds = replace(server.services.bounds, **bounds)
    await connection.send(head[1:])
    return connection
