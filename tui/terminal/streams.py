"""Standard output and error while the console has the screen: whatever is written there would spoil it."""

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

LIMIT: Final = 16 * 1024 * 1024


class Streams:
    """Sends both, where they are the terminal, to a file; as a context, to give them back in any case.

    Where the file cannot be written, to nowhere. A stream that goes elsewhere already is left alone.
    """

    def __init__(self, log: Path, limit: int = LIMIT) -> None:
        self._log = log
        self._limit = limit
        self._file = -1
        self._held: dict[int, int] = {}

    def __enter__(self) -> Self:
        self._file = _open(self._log)
        for fd in filter(_is_terminal, (1, 2)):
            self._held[fd] = os.dup(fd)
            os.dup2(self._file, fd)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._held:
            fd, held = self._held.popitem()
            os.dup2(held, fd)
            os.close(held)
        os.close(self._file)

    def cut(self) -> None:
        """Start the file anew if it has passed its limit. To be called now and then."""
        if os.fstat(self._file).st_size > self._limit:
            os.ftruncate(self._file, 0)


def _open(log: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
    with contextlib.suppress(OSError):
        file = os.open(log, flags, 0o600)
        os.fchmod(file, 0o600)
        return file
    return os.open(os.devnull, os.O_WRONLY)


def _is_terminal(fd: int) -> bool:
    """Whether `fd` is our controlling terminal, under whichever name: only of that one it can be asked."""
    try:
        os.tcgetpgrp(fd)
    except OSError:
        return False
    return True
