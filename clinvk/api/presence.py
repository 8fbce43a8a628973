"""Whether a client is still there."""

import asyncio
import select
import socket
from typing import Final

from tornado.iostream import IOStream

# Hang-ups and errors are always told; that the other side writes no more only where it is asked for (Linux).
_NO_MORE: Final = getattr(select, "POLLRDHUP", 0)
_LEFT: Final = _NO_MORE | select.POLLHUP | select.POLLERR
_LOOK_SECS: Final = 1.0  # between two looks


def has_left(connection: socket.socket) -> bool:
    """Whether the other side has closed `connection`, or its sending half: unread bytes do not hide it."""
    poll = select.poll()
    poll.register(connection, _NO_MORE)
    return any(event & _LEFT for _, event in poll.poll(0))


class Watch:
    """Closes the connection of a client that has left.

    Tornado sees that by itself, but not of one that has sent more than its request: another, or a mere line feed.
    """

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look from now on, until `end`."""
        self._timer = asyncio.get_running_loop().call_later(_LOOK_SECS, self._look)

    def end(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self._stream.closed():
            return  # seen already: `on_connection_close` is on its way
        if has_left(self._stream.socket):
            self._stream.close()
        else:
            self.begin()
