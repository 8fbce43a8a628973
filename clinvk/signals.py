"""What signals ask of the server: its end, a quicker one, or to read its configuration again."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

from clinvk import hangups

_SAME_SIGNAL_SECS: Final = 0.5  # a signal to the whole group may reach us twice
_HANG_UP_SECS: Final = 1.0  # a terminal that hangs up says so before it is gone


class Ending:
    """The wish to end: SIGTERM, SIGINT, or SIGHUP of a terminal that is gone. A second one hurries."""

    grace: float | None = None
    """Seconds for live runs, where whoever asked said how many."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[None] = loop.create_future()
        self.hurried: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._asked_at = 0.0
        self._on_terminal = hangups.began_on_terminal()
        self._reload: Callable[[], None] | None = None
        self._wanted = False
        loop.add_signal_handler(signal.SIGTERM, self._ask)
        loop.add_signal_handler(signal.SIGINT, self._ask)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup stays nohup
            loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        if hangups.came():
            self._hung_up()

    def reload_by(self, reload: Callable[[], None]) -> None:
        """From now on SIGHUP calls `reload`, and now if one came before."""
        self._reload = reload
        if self._wanted:
            self._hung_up()

    def ask(self, grace: float) -> None:
        """As a first signal would, with `grace` seconds for live runs."""
        if not self.asked.done():
            self.grace = grace
            self._ask()

    def _ask(self) -> None:
        if not self.asked.done():
            self._asked_at = self._loop.time()
            self.asked.set_result(None)
        elif self._loop.time() - self._asked_at > _SAME_SIGNAL_SECS and not self.hurried.done():
            self.hurried.set_result(None)

    def _hung_up(self) -> None:
        """The same signal stands for two things. Of a terminal that goes we are told while it is still there."""
        if self._on_terminal and not hangups.has_terminal():
            self._ask()
            return
        if self._on_terminal:
            self._loop.call_later(_HANG_UP_SECS, self._end_without_terminal)
        self._wanted = self._reload is None
        if self._reload and not self.asked.done():
            self._reload()

    def _end_without_terminal(self) -> None:
        if not self.asked.done() and not hangups.has_terminal():
            self._ask()
