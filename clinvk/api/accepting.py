"""Taking the connections that come to a socket, and waiting where the machine gives no descriptor for one."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

_log = logging.getLogger("clinvk.access")

_AT_ONCE: Final = 128
"""Connections taken in one turn of the loop: others shall have theirs."""
_PAUSE_SECS: Final = 0.1


class Door:
    """Takes connections of a listening socket until it is closed.

    Out of descriptors the socket stays readable, and whoever asked again at once would do nothing else any more:
    those that come wait in its queue meanwhile.
    """

    def __init__(self, listening: socket.socket, take: Callable[[socket.socket, Any], None]) -> None:
        self._listening = listening
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_short = False
        self._is_closed = False
        self._open()

    def close(self) -> None:
        """Take no more. The socket is its owner's to close."""
        self._is_closed = True
        self._loop.remove_reader(self._listening.fileno())
        if self._timer:
            self._timer.cancel()

    def _open(self) -> None:
        self._timer = None
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if self._is_closed:  # by one of those that it took
                return
            try:
                connection, address = self._listening.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._wait(error)
                return
            self._is_short = False
            self._take(connection, address)

    def _wait(self, error: OSError) -> None:
        if not self._is_short:  # it is told once
            _log.warning("connections have to wait: %s", error.strerror)
        self._is_short = True
        self._loop.remove_reader(self._listening.fileno())
        self._timer = self._loop.call_later(_PAUSE_SECS, self._open)
