"""Bounded framing: bytes in, whole lines out, split at `\\n` only."""

from typing import Final

from clinvk.domain.errors import LineTooLong

LINE_CEILING: Final = 16 << 20


class LineBuffer:
    """Cuts a stream into lines. An unfinished line waits in parts, so that a long one costs no copying."""

    def __init__(self, ceiling: int = LINE_CEILING) -> None:
        self._ceiling = ceiling
        self._parts: list[bytes] = []
        self._waiting = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their `\\n`. Raises LineTooLong."""
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = b"".join([*self._parts, lines[0]])
            self._parts, self._waiting = [], 0
        if rest:
            self._parts.append(rest)
            self._waiting += len(rest)
        if self._waiting > self._ceiling or any(len(line) > self._ceiling for line in lines):
            raise LineTooLong(self._ceiling)
        return lines

    def rest(self) -> bytes:
        """The unfinished last line, taken out."""
        rest = b"".join(self._parts)
        self._parts, self._waiting = [], 0
        return rest
