"""The console in a browser: the same application, on the server's own loop, its screen a page elsewhere."""

import asyncio
import io
import sys
from asyncio import Future
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, BinaryIO, Final, Protocol, TextIO

from rich.console import Console as Renderer
from textual import events
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message
from textual.messages import InBandWindowResize

from clinvk.monitor import Monitor
from tui.console import Console
from tui.look import DARK, LIGHT, Look
from tui.terminal.input import Input
from tui.terminal.outlet import Outlet


class Page(Protocol):
    """What shows a console."""

    @property
    def columns(self) -> int: ...

    @property
    def rows(self) -> int: ...

    @property
    def dark(self) -> bool:
        """Whether its reader likes it dark."""
        ...

    def send(self, data: bytes) -> Future[None]:
        """Done when the page has taken it; fails or is cancelled when the page has left."""
        ...


_LARGEST: Final = Size(400, 150)
"""Cells of a screen: what a frame costs, in time and memory, is bounded by it."""
# The other screen, the mouse (any motion, in decimal), no cursor; paste and focus are told; does it know frames?
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
        send: Callable[[bytes], Future[None]],
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._send = send
        self._gone = False
        self._outlet = Outlet(self._pump, self._repaint)
        self._input = Input(app, self.process_message, self._caught_up)
        self._taking: Future[None] | None = None

    @property
    def is_web(self) -> bool:
        return True

    async def feed(self, text: str) -> None:
        """What was typed, pasted, or done with the mouse, as a terminal says it. Returns when more may come."""
        if self._gone:
            return
        self._input.feed(text.encode("utf-8", "replace"))
        if self._input.behind:
            self._taking = self._taking or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._taking)

    def resize(self, size: Size) -> None:
        """The screen has another size now."""
        self._size = (size.width, size.height)
        self._app.post_message(events.Resize(size, size))

    def process_message(self, message: Message) -> None:
        # Its size a page tells otherwise, and mouse and pixels it is not asked about.
        if not isinstance(message, events.Resize | InBandWindowResize):
            super().process_message(message)

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
        self._gone = True
        self._input.close()

    def open_url(self, url: str, new_tab: bool = True) -> None:  # noqa: ARG002
        """Not on the server's machine: nobody sits there."""
        self._app.notify(f"A console in a browser opens nothing: {url}", severity="warning")

    def deliver_binary(self, binary: BinaryIO | TextIO, **_: object) -> None:
        """Not on the server's disk either."""
        binary.close()
        self._app.notify("A console in a browser saves no files", severity="warning")

    def _caught_up(self) -> None:
        if self._taking:
            self._taking.set_result(None)
            self._taking = None

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

    def __init__(self, console: Console, page: Page) -> None:
        self._console = console
        self._page = page
        self._dark: bool | None = None
        self._driver: WebDriver | None = None

    async def feed(self, text: str) -> None:
        """Keys, mouse and paste, as a terminal says them. Returns when the next may come."""
        if self._driver:
            await self._driver.feed(text)

    def fit(self) -> None:
        """The page is another now: look at it again."""
        self._wear()
        if self._driver:
            self._driver.resize(_size(self._page))

    async def run(self) -> None:
        """Run the console to its end, which its visitor asks for, or a cancellation. Nothing of it is left then.

        Raises Crashed.
        """
        console = self._console
        console.driver_class = self._make_driver  # type: ignore[assignment]  # it is called, and nothing else
        # A page has every colour, whatever the terminal of the server has; and what a fault would print, with the
        # values of all variables, is for nobody.
        console.console = console.error_console = Renderer(
            file=io.StringIO(), color_system="truecolor", force_terminal=True, legacy_windows=False,
            highlight=False, emoji=False, safe_box=False,
        )  # fmt: skip
        self._wear()
        try:
            await _Unseen(console.run_async())
        finally:
            if self._driver:
                self._driver.stop_application_mode()
        if console.return_code:
            raise Crashed("the console failed") from console._exception  # noqa: SLF001  it is told nowhere else

    def _make_driver(self, app: App[Any], **options: Any) -> WebDriver:
        self._driver = WebDriver(app, **{**options, "size": _size(self._page)}, send=self._page.send)
        return self._driver

    def _wear(self) -> None:
        """The theme that goes with the page, but for one that was chosen since."""
        if self._page.dark is not self._dark:
            self._dark = self._page.dark
            theme = DARK if self._dark else LIGHT
            self._console.theme = theme.name
            self._console.look = Look.of(theme)  # before it runs, nothing tells it


def visit(monitor: Monitor, page: Page) -> Visit:
    """A console that leaves the server alone when it is left."""
    return Visit(Console(monitor, owns_server=False), page)


def _size(page: Page) -> Size:
    return Size(min(max(page.columns, 1), _LARGEST.width), min(max(page.rows, 1), _LARGEST.height))


class _Unseen:
    """Awaits what would take the streams and the task factory of the whole process for itself, as Textual's
    applications do: after each step they are what they were before it.

    So several may come and leave in any order, and beside the one in the server's own terminal.
    """

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            try:
                awaited = _kept(step)
            except StopIteration as done:
                return done.value
            try:
                step = partial(self._work.send, (yield awaited))
            except BaseException as error:  # noqa: BLE001  it is for the work, whatever it is
                step = partial(self._work.throw, error)


def _kept(step: Callable[[], Any]) -> Any:
    loop = asyncio.get_running_loop()
    out, err, factory = sys.stdout, sys.stderr, loop.get_task_factory()
    try:
        return step()
    finally:
        sys.stdout, sys.stderr = out, err
        if loop.get_task_factory() is not factory:
            loop.set_task_factory(factory)
