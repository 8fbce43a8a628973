"""A page that visits the console, and what it was sent."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.tui.conftest import DEADLINE
from tests.tui.scripted import Server
from tui.console import Console
from tui.web import Visit

ESCAPES = re.compile(r"\x1b(\[[0-9;?<>$]*[a-zA-Z]|\][^\x07]*\x07|.)")


LIGHT_BAR = "48;2;214;217;228"
DARK_BAR = "48;2;41;46;66"


class Page:
    """A page in no browser: it takes what it is sent, or nothing more from `stall` on."""

    def __init__(self, columns: int = 120, rows: int = 40, *, dark: bool = True) -> None:
        self.columns, self.rows, self.dark = columns, rows, dark
        self.sent = b""
        self.waiting: list[asyncio.Future[None]] = []
        self.stalled = False
        self._news = asyncio.Event()

    def send(self, data: bytes) -> asyncio.Future[None]:
        self.sent += data
        self._news.set()
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(taken)
        if not self.stalled:
            self.take()
        return taken

    def take(self) -> None:
        while self.waiting:
            self.waiting.pop(0).set_result(None)

    @property
    def text(self) -> str:
        return ESCAPES.sub("", self.sent.decode())

    @property
    def height(self) -> int:
        """Lines of the largest frame."""
        return max(frame.count(b"\n") for frame in self.sent.split(b"\x1b[1;1H")) + 1

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def sees(self, text: str) -> None:
        """`text` comes, after what was seen before."""
        try:
            await self.until(lambda: text in self.text)
        except TimeoutError:
            pytest.fail(f"{text!r} never came: {self.text[-3000:]}")
        self.sent = b""


@asynccontextmanager
async def visiting(server: Server, page: Page) -> AsyncIterator[tuple[Visit, "asyncio.Task[None]"]]:
    """A visit, under way; ended as a page that is closed ends it."""
    before = asyncio.all_tasks()
    visit = Visit(Console(server, owns_server=False, clock=server.clock), page)
    running = asyncio.create_task(visit.run())
    yield visit, running
    running.cancel()
    async with asyncio.timeout(DEADLINE):
        await asyncio.wait({running})
    assert asyncio.all_tasks() <= before
