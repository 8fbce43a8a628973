"""The server's log as rows: the newest lines of it, those of a level or above."""

from collections import deque
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Final

from clinvk.views import LogLine
from tui.reading.rows import Kind, Row, Span, broken, has, shares
from tui.reading.wrapping import one_line, visible

KEPT_LINES: Final = 2000
LEVELS: Final = ("debug", "info", "warning", "error")
SIGNS: Final = MappingProxyType({"debug": "·", "info": "•", "warning": "⚠", "error": "✗"})
_STYLES: Final = MappingProxyType({"debug": "muted", "info": "good", "warning": "warning", "error": "bad"})
_KINDS: Final = MappingProxyType({"debug": Kind.NOTE, "warning": Kind.WARNING, "error": Kind.BAD})
_AT_ONCE: Final = 200
"""Lines that are made rows of in one go."""
_MARGIN: Final = 100
_OWN: Final = "clinvk."


class LogList:
    """Rows of a ring of lines. Only as many are made as are near to what is looked at."""

    def __init__(self) -> None:
        self.version = 0
        self.follow = True
        self.moved: Callable[[int], None] = lambda _: None
        self.marked: int | None = None
        self.level = LEVELS[0]
        self._lines: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._fresh: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._rows: deque[Row] = deque()
        self._base = 0
        self._oldest = -1
        """The number of the oldest line that has rows."""
        self._width = 80

    @property
    def base(self) -> int:
        return self._base

    @property
    def end(self) -> int:
        return self._base + len(self._rows)

    @property
    def count(self) -> int:
        """Lines that are kept."""
        return len(self._lines)

    def put(self, lines: Iterable[LogLine]) -> None:
        """More lines. Those of a server that began anew take the place of all before."""
        for line in lines:
            if self._lines and line.seq <= self._lines[-1].seq:
                self._lines.clear()
                self._begin()
            self._lines.append(line)
            self._fresh.append(line)

    def beat(self) -> None:
        """Make rows of what came."""
        for _ in range(min(_AT_ONCE, len(self._fresh))):
            line = self._fresh.popleft()
            if self._oldest < 0:
                self._oldest = line.seq
            self._rows.extend(self._of(line))
            self.version += 1
        while len(self._rows) > 4 * KEPT_LINES:
            self._rows.popleft()
            self._base += 1

    def at_least(self, level: str) -> None:
        """Show lines of this level and above."""
        self.level = level
        self._begin()

    def row(self, number: int) -> Row:
        return self._rows[number - self._base]

    def resize(self, width: int) -> None:
        if width != self._width:
            self._width = width
            self._begin()

    def to_begin(self) -> None:
        self.follow = False
        while self._older():
            pass
        self.moved(self._base)

    def to_end(self) -> None:
        self.follow = True

    def to_part(self, share: float) -> None:
        self.follow = False
        self.moved(self._base + int(share * len(self._rows)))

    def seen(self, top: int, height: int) -> None:  # noqa: ARG002  only what is above is made late
        if top - self._base < _MARGIN:
            self._older()

    def part(self, top: int, height: int) -> tuple[float, float]:
        return shares(top - self._base, height, len(self._rows))

    def toggle(self, number: int) -> None:
        """Nothing is folded here."""

    def find(self, wanted: str, by: int, top: int) -> bool:
        """Go to the next row that has it, or with `by` -1 to the one before, from the last match or row `top`."""
        while by < 0 and self._older():
            pass
        start = self.marked if self.marked is not None else top - 1
        rest = range(start + 1, self.end) if by > 0 else range(start - 1, self._base - 1, -1)
        found = next((number for number in rest if has(self, number, wanted)), None)
        if found is not None:
            self.marked, self.follow = found, False
            self.version += 1
            self.moved(max(self._base, found - 5))
        return found is not None

    def _begin(self) -> None:
        """Make rows anew, of the newest lines first."""
        self._rows.clear()
        self._base, self.marked = 0, None
        self._fresh.clear()
        self._oldest = self._lines[-1].seq + 1 if self._lines else -1
        self.version += 1
        self._older()

    def _older(self) -> bool:
        """Make rows of some lines before those that have some. Whether there were any."""
        if not self._lines:
            return False
        first = self._lines[0].seq
        end = self._oldest - first
        if end <= 0:
            return False
        for index in range(end - 1, max(-1, end - 1 - _AT_ONCE), -1):
            line = self._lines[index]
            rows = self._of(line)
            self._rows.extendleft(reversed(rows))
            self._base -= len(rows)
            self._oldest = line.seq
        self.version += 1
        return True

    def _of(self, line: LogLine) -> list[Row]:
        level = line.level if line.level in LEVELS else LEVELS[-1]
        if LEVELS.index(level) < LEVELS.index(self.level):
            return []
        sign = f"{SIGNS[level]} {level:<7}"
        name = one_line(line.logger.removeprefix(_OWN))
        head = f"{line.at[11:19]}  {sign}  {name:<12} "
        spans: tuple[Span, ...] = (
            (0, 8, "muted"),
            (10, 10 + len(sign), _STYLES[level]),
            (10 + len(sign), len(head), "muted"),
        )
        first, *rest = visible(line.message).split("\n")
        kind = _KINDS.get(level, Kind.TEXT)
        rows = broken(head + first, self._width, kind, spans, len(head))
        for more in rest:
            rows += broken(f"    {more}", self._width, kind, (), 4)
        return rows
