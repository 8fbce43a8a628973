"""Text on its way to a screen that may be slow: in order, bounded, and nobody waits."""

from collections import deque
from collections.abc import Callable
from typing import Final

LIMIT: Final = 128 * 1024
"""Bytes: about two full frames of a large screen. More would only be a longer lag."""


class Outlet:
    """What waits for one screen. Knows no file, socket or loop.

    Its owner sends `waiting()` and tells by `sent` how much of it was taken. A write is kept or dropped whole,
    so that no escape sequence is ever cut. Once `limit` bytes wait, everything is dropped until the screen has
    taken all of them; then `repaint` is called, to write a full frame: what the screen shows by then is old.

    More than `limit` waits only by the one write that reached it, so that a frame of any size gets through.
    """

    def __init__(self, wake: Callable[[], object], repaint: Callable[[], object], limit: int = LIMIT) -> None:
        """`wake` is called when something waits and nothing did before."""
        self._wake = wake
        self._repaint = repaint
        self._limit = limit
        self._writes: deque[memoryview] = deque()
        self._size = 0
        self._stalled = False

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    @property
    def stalled(self) -> bool:
        """Whether writes are dropped now."""
        return self._stalled

    def write(self, text: str) -> None:
        """Keep `text` for the screen, or drop it."""
        if self._size >= self._limit:
            self._stalled = True
        if not self._stalled:
            self._keep(text)

    def waiting(self) -> bytes:
        """All that is to be sent, empty if nothing is."""
        return b"".join(self._writes)

    def sent(self, count: int) -> None:
        """The first `count` bytes of `waiting()` were taken."""
        self._size -= count
        while count and count >= len(self._writes[0]):
            count -= len(self._writes.popleft())
        if count:
            self._writes[0] = self._writes[0][count:]
        if self._stalled and not self._writes:
            self._stalled = False
            self._repaint()

    def _keep(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        if not data:
            return
        idle = not self._writes
        self._writes.append(memoryview(data))
        self._size += len(data)
        if idle:
            self._wake()
