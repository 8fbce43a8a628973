"""The console before a scripted server, driven by Textual's pilot."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.notifications import Notification
from textual.pilot import Pilot

from tests.tui.scripted import Server
from tui.console import Console, Leave

DEADLINE = 20.0

Open = Callable[..., AbstractAsyncContextManager["Person"]]


class Person:
    """Who sits before the console: presses keys, and reads the screen."""

    def __init__(self, console: Console, pilot: Pilot[Leave]) -> None:
        self.console = console
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """One after the other, each once all is worked off that the one before it brought about.

        The pilot alone takes a console for idle that was given no time to work.
        """
        for key in keys:
            await self.pilot.press(key)
            await self.until(lambda: not self._busy)

    @property
    def _busy(self) -> bool:
        """Whether some part of the console has not worked off what it was told."""
        widgets = (
            widget for screen in self.console.screen_stack[-1:] for widget in screen.walk_children(with_self=True)
        )
        return any(pump.message_queue_size for pump in (self.console, *widgets))

    @property
    def lines(self) -> list[str]:
        """The screen as text, without what follows the last letter of each line."""
        strips = self.console.screen._compositor.render_strips(None)
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for it, within the deadline; the screen is shown if it never comes."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not holds():
                    await self.pilot.pause()
        except TimeoutError:
            pytest.fail(f"it never came; the screen:\n{self.text}")

    async def sees(self, *texts: str) -> None:
        """All of `texts` come to stand on the screen."""
        await self.until(lambda: all(text in self.text for text in texts))

    async def sees_no(self, text: str) -> None:
        """`text` leaves the screen."""
        await self.until(lambda: text not in self.text)


@pytest.fixture(autouse=True)
def toasts_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is until somebody looks: they go by the clock on the wall."""
    monkeypatch.setattr(Notification, "time_left", property(lambda _: 60.0))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def open_console(server: Server) -> Open:
    """Opens the console of `server` at a size; leaves it at the end."""

    @asynccontextmanager
    async def open_(size: tuple[int, int] = (120, 40), *, owns_server: bool = True) -> AsyncIterator[Person]:
        console = Console(server, owns_server=owns_server, clock=server.clock)
        loop = asyncio.get_running_loop()
        factory = loop.get_task_factory()
        try:
            async with console.run_test(size=size, notifications=True) as pilot:
                yield Person(console, pilot)
        finally:
            loop.set_task_factory(factory)

    return open_
