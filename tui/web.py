"""The console in a browser: the same application, on the server's own loop, its screen a page elsewhere."""

import asyncio
import contextlib
import io
import sys
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Coroutine, Generator, Iterator
from functools import partial
from typing import Any, BinaryIO, Final, TextIO

from rich.console import Console as Renderer
from textual import events
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from tui.terminal.input import Input
from tui.terminal.outlet import Outlet

Send = Callable[[bytes], Future[None]]
"""Hands bytes to the page. Done when it has taken them; fails or is cancelled when the page has left."""

_LARGEST: Final = Size(400, 150)
"""Cells of a screen: what a frame costs, in time and memory, is bounded by it."""
# The other screen, mouse (any motion, in decimal), no cursor, paste told apart, reports of the focus; and whether a
# frame can be shown at once.
_TAKE: Final = "\x1b[?1049h\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[?2026$p"


class Crashed(Exception):
    """The console of one visitor ended by a fault of its own, which is the cause of this."""


class WebDriver(Driver):
    """Textual's way to a page: no file, no thread, no signal."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
        send: Send,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._send = send
        self._gone = False
        self._outlet = Outlet(self._pump, self._repaint)
        self._input = Input(self.process_message)

    @property
    def is_web(self) -> bool:
        return True

    def feed(self, text: str) -> None:
        """What was typed, pasted, or done with the mouse, as a terminal says it."""
        if not self._gone:
            self._input.feed(text.encode("utf-8", "replace"))

    def resize(self, size: Size) -> None:
        """The screen has another size now."""
        self._size = (size.width, size.height)
        self._app.post_message(events.Resize(size, size))

    def send_message(self, message: Message) -> None:
        self._app.post_message(message)  # always on the loop: nobody else calls

    def write(self, data: str) -> None:
        if not self._gone:
            self._outlet.write(data)

    def start_application_mode(self) -> None:
        self.write(_TAKE)
        size = Size(*self._size) if self._size else Size(80, 24)
        self._app.post_message(events.Resize(size, size))

    def disable_input(self) -> None:
        self._input.close()

    def stop_application_mode(self) -> None:
        """Nothing goes in or out any more: the page puts its own terminal right."""
        self._input.close()
        self._gone = True

    def open_url(self, url: str, new_tab: bool = True) -> None:  # noqa: ARG002
        """Not on the server's machine: nobody sits there."""
        self._app.notify(f"A console in a browser opens nothing: {url}", severity="warning")

    def deliver_binary(self, binary: BinaryIO | TextIO, **_: object) -> None:  # type: ignore[override]
        """Not on the server's disk either."""
        binary.close()
        self._app.notify("A console in a browser saves no files", severity="warning")

    def _pump(self) -> None:
        """Send what waits; what comes meanwhile waits until that was taken."""
        data = self._outlet.waiting()
        if data and not self._gone:
            self._send(data).add_done_callback(partial(self._taken, len(data)))

    def _taken(self, count: int, sent: Future[None]) -> None:
        if sent.cancelled() or sent.exception() is not None:  # it has left: whoever owns this visit is told too
            self._gone = True
        if not self._gone:
            self._outlet.sent(count)
            self._pump()

    def _repaint(self) -> None:
        self._app.refresh()


class Visit:
    """One visitor's console: `run` it, and meanwhile tell what its page says."""

    def __init__(self, console: App[Any], send: Send, columns: int, rows: int) -> None:
        self._console = console
        self._size = _bounded(columns, rows)
        self._drivers: list[WebDriver] = []
        self._send = send

    def feed(self, text: str) -> None:
        """Keys, mouse and paste, as a terminal says them."""
        for driver in self._drivers:
            driver.feed(text)

    def resize(self, columns: int, rows: int) -> None:
        """The page's screen has another size; one that no screen has is brought to one that some have."""
        self._size = _bounded(columns, rows)
        for driver in self._drivers:
            driver.resize(self._size)

    async def run(self) -> None:
        """Run the console to its end, which its visitor asks for, or a cancellation. Nothing of it is left then.

        Raises Crashed.
        """
        console = self._console
        console.driver_class = self._driver  # type: ignore[assignment]  # called, and nothing else
        # A page has every colour, whatever the terminal of the server has; and what a fault would print, with the
        # values of all variables, is for nobody.
        console.console = console.error_console = Renderer(
            file=io.StringIO(), color_system="truecolor", force_terminal=True, legacy_windows=False, highlight=False,
            emoji=False, safe_box=False,
        )  # fmt: skip
        await _Unseen(console.run_async(size=(self._size.width, self._size.height)))
        if console.return_code:
            raise Crashed("the console failed") from console._exception  # noqa: SLF001  it is told nowhere else

    def _driver(self, app: App[Any], **options: Any) -> WebDriver:
        driver = WebDriver(app, **options, send=self._send)
        self._drivers.append(driver)
        if driver._size != (self._size.width, self._size.height):  # noqa: SLF001  ours; it changed on the way here
            driver._size = (self._size.width, self._size.height)  # noqa: SLF001
        return driver


def _bounded(columns: int, rows: int) -> Size:
    return Size(min(max(columns, 1), _LARGEST.width), min(max(rows, 1), _LARGEST.height))


class _Unseen:
    """Awaits what would take the streams and the task factory of the whole process for itself, as Textual's
    applications do: after each step they are what they were before it.

    So several may come and leave in any order, and beside the one in the server's own terminal.
    """

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        loop = asyncio.get_running_loop()
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            try:
                with _kept(loop):
                    awaited = step()
            except StopIteration as done:
                return done.value
            try:
                step = partial(self._work.send, (yield awaited))
            except BaseException as error:  # noqa: BLE001  it is for the work, whatever it is
                step = partial(self._work.throw, error)


@contextlib.contextmanager
def _kept(loop: AbstractEventLoop) -> Iterator[None]:
    before = sys.stdout, sys.stderr, loop.get_task_factory()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before[:2]
        if loop.get_task_factory() is not before[2]:
            loop.set_task_factory(before[2])
