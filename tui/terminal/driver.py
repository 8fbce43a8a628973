"""The terminal as Textual's driver, on the server's own loop: no threads, and nothing that waits."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from textual import constants, events
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message
from textual.messages import InBandWindowResize

from tui.terminal.device import Device, Gone, bounded
from tui.terminal.input import Input
from tui.terminal.outlet import Outlet

if TYPE_CHECKING:
    from textual.app import App

_LOOK_SECS: Final = 0.5  # a shell does not tell a job that runs that it has the terminal again
_ECHOES: Final = {"Apple_Terminal"}  # they show a part of what they are asked

_BEGIN: Final = "\x18\x1b\\\x1b[?1049h\x1b[?25l\x1b[?7l"  # the first two end what was cut off by a stop
_MOUSE: Final = "\x1b[?1000h\x1b[?1003h\x1b[?1006h"
_KEYS: Final = "\x1b[?1004h\x1b[?2004h"  # focus and paste are told
# Unambiguous keys, all of them, with their text. The pop comes first: after a stop it may be there already.
_KEYBOARD_PROTOCOL: Final = "\x1b[<u\x1b[>25u"
_ASK: Final = "\x1b[?2026$p\x1b[?2048$p"  # whether it knows frames, and tells its size itself
_TELL_SIZE: Final = "\x1b[?2048h"
# What `clinvk.guardian` writes where the server cannot any more.
_LEAVE: Final = (
    b"\x1b[?2026l\x1b[?2048l\x1b[?2004l\x1b[?1004l\x1b[?1006l\x1b[?1003l\x1b[?1000l\x1b]22;default\x07"
    b"\x1b[<u\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"
)


class TerminalDriver(Driver):
    """Has the terminal from `start_application_mode` to `stop_application_mode`, but while another job has it.

    A screen that takes nothing holds nobody up: frames are dropped, and it gets a whole one when it goes on.
    """

    def __init__(
        self,
        app: "App[Any]",
        *,
        shown: Callable[[], None] = lambda: None,
        hung_up: Callable[[], None] = lambda: None,
        stoppable: bool = False,
        **options: Any,
    ) -> None:
        """`shown` is called with every frame; `hung_up` when the terminal is gone, and the app is told to end.

        `stoppable`: whether Ctrl-Z stops the process, and all that runs in it; else it is a key. Raises OSError.
        """
        super().__init__(app, **options)
        self._shown = shown
        self._hung_up = hung_up
        self._stoppable = stoppable
        self._device = Device()
        self._size = self._size or self._device.size
        self._input = Input(app, self.process_message, self._caught_up)
        self._outlet = self._new_outlet()
        self._has_screen = False
        self._look: asyncio.TimerHandle | None = None
        self._handled: dict[int, Any] = {}

    def write(self, data: str) -> None:
        self._shown()
        if self._has_screen:
            self._outlet.write(data)

    def send_message(self, message: Message) -> None:
        self._app.post_message(message)  # we are on its loop

    def process_message(self, message: Message) -> None:
        match message:
            case InBandWindowResize():
                # Not for the app: it would ask for the mouse in pixels, an event for each of them.
                if message.supported:
                    self.write(_TELL_SIZE)
            case events.Key(key="ctrl+z") if self._stoppable:
                self._stop()
            case events.Resize():
                self._fit(bounded(message.size.width, message.size.height))
            case _:
                super().process_message(message)

    def start_application_mode(self) -> None:
        for number, handler in (
            (signal.SIGWINCH, self._resized),
            (signal.SIGCONT, self._take),
            (signal.SIGTSTP, self._stop),
        ):
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                self._handled[number] = before
                self._loop.add_signal_handler(number, handler)
        self._take()

    def disable_input(self) -> None:
        self._input.close()
        self._loop.remove_reader(self._device.fd)

    def stop_application_mode(self) -> None:
        for number, before in self._handled.items():
            self._loop.remove_signal_handler(number)
            signal.signal(number, before)
        self._handled.clear()
        self._give_back()
        if self._look:
            self._look.cancel()

    def close(self) -> None:
        self._device.close()
        # Of a crash it keeps a picture, with what was in every variable: the cause is enough, and no secret.
        self._app._exit_renderables.clear()  # noqa: SLF001

    def open_url(self, url: str, new_tab: bool = True) -> None:  # noqa: ARG002
        """Show it: a browser started here would be the server's child, and may want the terminal too."""
        self._app.notify(url, title="To be opened in a browser")

    def _take(self) -> None:
        """Have the screen, or wait until we may."""
        try:
            if not self._device.foreground:
                self._let_go()
                return
            self._device.take()
        except Gone:
            self._lose()
            return
        self._has_screen = True
        self._outlet = self._new_outlet()
        self._outlet.write(self._entry())
        self._loop.add_reader(self._device.fd, self._read)
        self._resized()

    def _entry(self) -> str:
        asked = os.environ.get("TERM_PROGRAM") not in _ECHOES
        return "".join((
            _BEGIN,
            _MOUSE if self._mouse else "",
            _KEYS,
            "" if constants.DISABLE_KITTY_KEY else _KEYBOARD_PROTOCOL,
            _ASK if asked else "",
        ))  # fmt: skip

    def _let_go(self) -> None:
        """Leave the terminal to the job that has it, and look now and then whether that is us again."""
        self._detach()
        if self._look:
            self._look.cancel()
        self._look = self._loop.call_later(_LOOK_SECS, self._take)

    def _give_back(self) -> None:
        if self._has_screen:
            self._detach()
            try:
                if self._device.foreground:
                    self._device.give_back(_LEAVE)
            except Gone:
                self._lose()

    def _stop(self) -> None:
        """Stop as whoever sent SIGTSTP wants, with the shell's terminal as it was; returns when continued."""
        self._give_back()
        handled = self._loop.remove_signal_handler(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        if handled:
            self._loop.add_signal_handler(signal.SIGTSTP, self._stop)
        self._take()

    def _lose(self) -> None:
        self._detach()
        self._hung_up()
        self._app.exit()

    def _detach(self) -> None:
        self._has_screen = False
        self._loop.remove_reader(self._device.fd)
        self._loop.remove_writer(self._device.fd)

    def _resized(self) -> None:
        size = self._device.size
        if size == self._size:
            self._app.refresh()
            return
        self._fit(size)

    def _fit(self, size: tuple[int, int]) -> None:
        self._size = size
        self.send_message(events.Resize(Size(*size), Size(*size)))

    def _new_outlet(self) -> Outlet:
        return Outlet(self._wake, self._app.refresh)

    def _wake(self) -> None:
        self._loop.add_writer(self._device.fd, self._drain)

    def _drain(self) -> None:
        try:
            if not self._device.foreground:
                self._let_go()
                return
            self._outlet.sent(self._device.write(self._outlet.waiting()))
        except Gone:
            self._lose()
            return
        if not self._outlet.size:
            self._loop.remove_writer(self._device.fd)

    def _read(self) -> None:
        try:
            if not self._device.foreground:
                self._let_go()
                return
            typed = self._device.read()
        except Gone:
            self._lose()
            return
        self._input.feed(typed)
        if self._input.behind:  # what comes meanwhile waits in the terminal
            self._loop.remove_reader(self._device.fd)

    def _caught_up(self) -> None:
        if self._has_screen:
            self._loop.add_reader(self._device.fd, self._read)
