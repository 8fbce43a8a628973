"""The controlling terminal as a file: modes, size, bytes."""

import os
import termios
from typing import Final

_READ: Final = 4096  # bytes at once: a long paste is not to hold the loop
_WRITE: Final = 65536
LARGEST: Final = (500, 200)
"""Cells: what a frame costs is bounded by it. A larger terminal stays empty beyond."""
_UNKNOWN: Final = (80, 24)  # of a serial line nobody knows the size
_CUT_OFF: Final = b"\x18\x1b\\"  # ends whatever sequence a screen is in the middle of


def bounded(columns: int, lines: int) -> tuple[int, int]:
    """So much of a terminal of that size is used."""
    return min(max(columns, 1), LARGEST[0]), min(max(lines, 1), LARGEST[1])


class Gone(Exception):
    """The terminal hung up."""


class Device:
    """The terminal, opened once more: that we never wait for it is no business of the shell's.

    Reading, and some writing, from the background stops a process: ask `foreground` before.
    """

    def __init__(self) -> None:
        self.fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._modes = termios.tcgetattr(self.fd)

    @property
    def foreground(self) -> bool:
        """Whether the terminal is ours to use. Raises Gone."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError as error:
            raise Gone from error

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines that are used."""
        try:
            size = os.get_terminal_size(self.fd)
        except OSError:  # gone: the next read tells
            return _UNKNOWN
        return bounded(size.columns, size.lines) if size.columns and size.lines else _UNKNOWN

    def read(self) -> bytes:
        """What was typed, possibly nothing. Raises Gone."""
        try:
            data = os.read(self.fd, _READ)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        return data

    def write(self, data: bytes) -> int:
        """How many bytes of `data` were taken. Raises Gone."""
        try:
            return os.write(self.fd, data[:_WRITE])
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Gone from error

    def take(self) -> None:
        """Every key comes as it is pressed, unseen and unjudged. Raises Gone."""
        modes = [*self._modes[:6], list(self._modes[6])]
        modes[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
        modes[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        self._set(modes)

    def give_back(self, last: bytes) -> None:
        """The modes of before, and `last` shown even if the screen takes nothing now. Raises Gone.

        What it has not taken by then is dropped: it was for a screen that is left.
        """
        if self.write(last) < len(last):
            self._forget(termios.TCOFLUSH)
            self.write(_CUT_OFF + last)
        self._forget(termios.TCIFLUSH)  # what the mouse did meanwhile is no command to the shell
        self._set(self._modes)

    def close(self) -> None:
        os.close(self.fd)

    def _set(self, modes: list[int | list[bytes | int]]) -> None:
        try:
            termios.tcsetattr(self.fd, termios.TCSANOW, modes)
        except termios.error as error:
            raise Gone from error

    def _forget(self, queue: int) -> None:
        try:
            termios.tcflush(self.fd, queue)
        except termios.error as error:
            raise Gone from error
