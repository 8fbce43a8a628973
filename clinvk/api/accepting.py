"""Connections as they come. Where no descriptor is left for one, it waits for a moment in the kernel's queue."""

import errno
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

from tornado.ioloop import IOLoop

_log = logging.getLogger("clinvk.app")

_AT_ONCE: Final = 128
_PAUSE_SECS: Final = 0.1
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor:
    """Takes the connections of one listening socket.

    Tornado's own does not know exhaustion: the socket stays ready, so it tries again at once, and complains
    each time.
    """

    def __init__(self, listening: socket.socket, take: Callable[[socket.socket, Any], None]) -> None:
        self._listening = listening
        self._take = take
        self._loop = IOLoop.current()
        self._pause: object | None = None
        self._is_short = False
        self._removed = False
        self._watch()

    def remove(self) -> None:
        """Take none any more."""
        self._removed = True
        if self._pause is not None:
            self._loop.remove_timeout(self._pause)
        else:
            self._loop.remove_handler(self._listening)

    def _watch(self) -> None:
        self._pause = None
        self._loop.add_handler(self._listening, self._ready, IOLoop.READ)

    def _ready(self, _socket: object, _events: int) -> None:
        for _ in range(_AT_ONCE):
            if self._removed:
                return
            try:
                connection, address = self._listening.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:  # it has left the queue
                continue
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._wait(error)
                return
            self._is_short = False
            self._take(connection, address)

    def _wait(self, error: OSError) -> None:
        if not self._is_short:
            _log.warning("connections have to wait: %s", error.strerror)
        self._is_short = True
        self._loop.remove_handler(self._listening)
        self._pause = self._loop.call_later(_PAUSE_SECS, self._watch)
