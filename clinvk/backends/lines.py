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
        longest = self._waiting + len(data)  # that a line can be
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._parts:
            lines[0] = b"".join([*self._parts, lines[0]])
            self._parts, self._waiting = [], 0
        if rest:
            self._parts.append(rest)
            self._waiting += len(rest)
        if longest > self._ceiling and max([self._waiting, *map(len, lines)]) > self._ceiling:
            raise LineTooLong(self._ceiling)
        return lines

    def rest(self) -> bytes:
        """The unfinished last line, taken out."""
        rest = b"".join(self._parts)
        self._parts, self._waiting = [], 0
        return rest
