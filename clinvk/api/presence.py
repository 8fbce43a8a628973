"""Whether a client is still there."""

import select
import socket
from typing import Final

# Hang-ups and errors are always told; that the other side writes no more only where it is asked for (Linux).
_NO_MORE: Final = getattr(select, "POLLRDHUP", 0)
_LEFT: Final = _NO_MORE | select.POLLHUP | select.POLLERR


def has_left(connection: socket.socket) -> bool:
    """Whether the other side has closed `connection`, or its sending half: unread bytes do not hide it."""
    poll = select.poll()
    poll.register(connection, _NO_MORE)
    return any(event & _LEFT for _, event in poll.poll(0))
