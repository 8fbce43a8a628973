"""What signals ask of the server: its end, a quicker one, or to read its configuration again."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Final

_SAME_SIGNAL_SECS: Final = 0.5  # a signal to the whole group may reach us twice
_HANG_UP_SECS: Final = 1.0  # a terminal that hangs up says so before it is gone


class Ending:
    """The wish to end: SIGTERM, SIGINT, or SIGHUP of a terminal that is gone. A second one hurries."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[None] = loop.create_future()
        self.hurried: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._asked_at = 0.0
        self._on_terminal = _has_terminal()
        self._reload: Callable[[], None] | None = None
        loop.add_signal_handler(signal.SIGTERM, self._ask)
        loop.add_signal_handler(signal.SIGINT, self._ask)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup stays nohup
            loop.add_signal_handler(signal.SIGHUP, self._hung_up)

    def reload_by(self, reload: Callable[[], None]) -> None:
        """From now on SIGHUP calls `reload`; until then it only ends a server whose terminal is gone."""
        self._reload = reload

    def _ask(self) -> None:
        if not self.asked.done():
            self._asked_at = self._loop.time()
            self.asked.set_result(None)
        elif self._loop.time() - self._asked_at > _SAME_SIGNAL_SECS and not self.hurried.done():
            self.hurried.set_result(None)

    def _hung_up(self) -> None:
        """The same signal stands for two things. Of a terminal that goes we are told while it is still there."""
        if self._on_terminal and not _has_terminal():
            self._ask()
            return
        if self._on_terminal:
            self._loop.call_later(_HANG_UP_SECS, self._end_without_terminal)
        if self._reload and not self.asked.done():
            self._reload()

    def _end_without_terminal(self) -> None:
        if not self.asked.done() and not _has_terminal():
            self._ask()


def _has_terminal() -> bool:
    """Whether this session has a terminal; once it has hung up, opening it fails."""
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
        return True
    return False
