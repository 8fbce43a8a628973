"""The three pipes of a child on the event loop: plain file descriptors, read and written when they are ready.

Not asyncio's transports: a pipe that a grandchild holds open must neither delay nor outlive the child's
exit, and what a dead child left in it must be read in that very moment.
"""

import asyncio
import os
from collections.abc import Callable
from typing import ClassVar, Final

_TURN_BYTES: Final = 64 << 10
"""What is read in one turn of the loop of all pipes that are full, so that none holds up the others for long."""
_LEAST_BYTES: Final = 2 << 10
_DRAIN_BYTES: Final = 2 << 20  # more than any pipe holds: a grandchild may be writing still


class ReadPipe:
    """Calls `hear` with each piece that comes, and `ended` once nobody holds the other end any more."""

    _behind: ClassVar[set["ReadPipe"]] = set()
    """Those that had more than was read of them last: they share what is read in a turn."""

    def __init__(self, fd: int, hear: Callable[[bytes], None], ended: Callable[[], None] = lambda: None) -> None:
        self._fd = fd
        self._hear = hear
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._open = True
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._ready)

    @property
    def is_open(self) -> bool:
        return self._open

    def pause(self) -> None:
        """Leave what comes in the pipe, so that the child has to wait."""
        self._behind.discard(self)
        if self._open:
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        if self._open:
            self._loop.add_reader(self._fd, self._ready)

    def drain(self) -> None:
        """Hear what is in the pipe now, then close it, whoever else holds its other end."""
        left = _DRAIN_BYTES
        while self._open and left > 0:
            size = self._ready()
            if not size:
                break
            left -= size
        self.close()

    def close(self) -> None:
        self._behind.discard(self)
        if self._open:
            self._open = False
            self._loop.remove_reader(self._fd)
            os.close(self._fd)

    def _ready(self) -> int:
        share = max(_LEAST_BYTES, _TURN_BYTES // max(1, len(self._behind)))
        try:
            data = os.read(self._fd, share)
        except BlockingIOError:
            return 0
        if len(data) == share:
            self._behind.add(self)
        else:
            self._behind.discard(self)
        if data:
            self._hear(data)
        else:
            self.close()
            self._ended()
        return len(data)


class WritePipe:
    """Takes everything at once and writes it as the child reads."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._open = True
        self._closing = False
        os.set_blocking(fd, False)

    def write(self, data: bytes) -> None:
        if self._open and not self._closing and data:
            idle = not self._waiting
            self._waiting += data
            if idle:
                self._flush()

    def close_soon(self) -> None:
        """Close behind what still waits to be written."""
        self._closing = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._waiting.clear()

    def _flush(self) -> None:
        try:
            written = os.write(self._fd, self._waiting[: 1 << 20])
        except BlockingIOError:
            written = 0
        except BrokenPipeError:
            self.close()  # the child reads no more: its exit will say why
            return
        del self._waiting[:written]
        if self._waiting:
            self._loop.add_writer(self._fd, self._flush)
            return
        self._loop.remove_writer(self._fd)
        if self._closing:
            self.close()
