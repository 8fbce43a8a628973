"""What stands between a monitor and its server: a relay that breaks, and a server that says what a test wants."""

import asyncio
import contextlib

from tests.api.client import DEADLINE

PIECE = 64 << 10


def abort(writer):
    """Break a connection off, unless it has ended: asyncio stumbles over that."""
    if not writer.transport.is_closing():
        writer.transport.abort()


class Listener:
    """Takes connections on a port of its own until it is closed."""

    def __init__(self):
        self.opened = 0
        self.open = 0
        self._changed = asyncio.Condition()
        self._writers = set()
        self._tasks = set()

    async def listen(self, tls=None):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=PIECE, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def _accept(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self._writers.add(writer)
        self.opened += 1
        await self._count(1)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                await self.serve(reader, writer)
        finally:
            abort(writer)
            self._writers.discard(writer)
            self._tasks.discard(asyncio.current_task())
            await self._count(-1)

    async def serve(self, reader, writer):
        raise NotImplementedError

    async def _count(self, step):
        self.open += step
        async with self._changed:
            self._changed.notify_all()

    async def until(self, told):
        """Wait until `told()` is true of the connections."""
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(told)

    def cut(self):
        """Break every connection off."""
        for writer in self._writers:
            abort(writer)

    async def close(self):
        self._server.close()
        ended = set()
        while self._tasks:
            for task in self._tasks - ended:  # once: what it does about that is not to be broken off
                task.cancel()
            ended |= self._tasks
            await asyncio.wait(self._tasks)


class Relay(Listener):
    """Passes bytes on to `port`. With a `ration` each answer breaks off after so many bytes; while it is `down`,
    nothing gets through.
    """

    def __init__(self, port):
        super().__init__()
        self.port_behind = port
        self.ration = None
        self.down = False

    async def serve(self, reader, writer):
        if self.down:
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.port_behind)
        self._writers.add(back)
        asked = asyncio.ensure_future(self._pass(reader, back))
        try:
            await self._pass(there, writer, self.ration)
        finally:
            asked.cancel()
            abort(back)
            self._writers.discard(back)

    async def _pass(self, reader, writer, ration=None):
        """Until the one ends or the other has gone."""
        try:
            while data := await reader.read(PIECE):
                writer.write(data if ration is None else data[:ration])
                await writer.drain()
                ration = None if ration is None else ration - len(data)
                if ration is not None and ration <= 0:
                    return
        finally:
            writer.close()


class Scripted(Listener):
    """Answers each request by `answer(writer)`, whatever it was; what was asked is kept.

    One that never `listens` answers before it was asked.
    """

    def __init__(self, answer):
        super().__init__()
        self.answer = answer
        self.heads = []
        self.listens = True

    async def serve(self, reader, writer):
        if self.listens:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        await self.answer(writer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


def says(data):
    """An answer that is these bytes, and then the end of the connection."""

    async def answer(writer):
        writer.write(data)

    return answer


def document(status, body, media_type="application/json", *more):
    """An answer with a length."""
    lines = [f"HTTP/1.1 {status} So", f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body
