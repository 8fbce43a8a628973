"""Rows of text: what is drawn, scrolled, searched and copied a line at a time."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from tui.reading.wrapping import visible, wrap


class Kind(Enum):
    """What a row is: its style, and the sign before it, which tells the same without colour."""

    TEXT = auto()
    REASONING = auto()
    STRUCK = auto()
    HEAD = auto()
    """Of something that can be unfolded."""
    BODY = auto()
    NOTE = auto()
    GOOD = auto()
    WARNING = auto()
    BAD = auto()
    TITLE = auto()


Span = tuple[int, int, str]
"""From which character to which, and the style in its `Look`."""


@dataclass(slots=True, frozen=True, eq=False)
class Row:
    """One row. `position` grows from row to row. `soft`: the next row goes on with the same line."""

    text: str
    kind: Kind = Kind.TEXT
    position: int = 0
    soft: bool = False
    spans: tuple[Span, ...] = ()
    item: object = None
    """What it is of: all rows of one thing that can be folded have the same."""
    held: int = 0
    """Bytes that are kept for it besides its text."""
    indent: int = 0
    """Empty cells before the text: it goes on below what it belongs to."""


class Rows(Protocol):
    """Some rows of a text that may be far longer, numbered from `base`."""

    version: int
    """Whether what was drawn still holds."""
    follow: bool
    """Whether the end is to be in sight, whatever comes."""
    moved: Callable[[int], None]
    """Called where other rows take the place of these: the number of the row that is now the first in sight."""
    marked: int | None
    """The row that a search led to."""

    @property
    def base(self) -> int: ...

    @property
    def end(self) -> int:
        """The number behind the last."""
        ...

    def row(self, number: int) -> Row: ...

    def resize(self, width: int) -> None:
        """So many cells are there for a row."""
        ...

    def to_begin(self) -> None:
        """Have the beginning of the text, and look at it."""
        ...

    def to_end(self) -> None:
        """Have the end, and stay there."""
        ...

    def to_part(self, share: float) -> None:
        """Have what is this far into the whole, from 0 to 1, and look at it."""
        ...

    def seen(self, top: int, height: int) -> None:
        """These rows are looked at now."""
        ...

    def part(self, top: int, height: int) -> tuple[float, float]:
        """Where in the whole these rows begin and end, each from 0 to 1."""
        ...

    def toggle(self, number: int) -> None:
        """Unfold what this row is of, or fold it."""
        ...


Line = tuple[str, Kind, tuple[Span, ...], int]


class Sheet:
    """A text that is here whole and is short. Give it anew with `put`."""

    def __init__(self, *, follow: bool = False) -> None:
        self.version = 0
        self.base: Final = 0
        self.follow = follow
        self.moved: Callable[[int], None] = lambda _: None
        self.marked: int | None = None
        self._lines: tuple[Line, ...] = ()
        self._rows: list[Row] = []
        self._width = 80

    @property
    def end(self) -> int:
        return len(self._rows)

    @property
    def text(self) -> str:
        """All of it, lines unbroken."""
        return "\n".join(text for text, *_ in self._lines)

    def put(self, lines: Iterable[Line]) -> None:
        """These are the lines from now on; control characters in them are made visible."""
        lines = tuple(lines)
        if lines != self._lines:
            self._lines = lines
            self._wrap()

    def row(self, number: int) -> Row:
        return self._rows[number]

    def resize(self, width: int) -> None:
        if width != self._width:
            self._width = width
            self._wrap()

    def to_begin(self) -> None:
        self.follow = False
        self.moved(0)

    def to_end(self) -> None:
        self.follow = True

    def to_part(self, share: float) -> None:
        self.follow = False
        self.moved(int(share * self.end))

    def seen(self, top: int, height: int) -> None:
        """All of it is here."""

    def part(self, top: int, height: int) -> tuple[float, float]:
        return shares(top, height, self.end)

    def toggle(self, number: int) -> None:
        """Nothing is folded here."""

    def find(self, wanted: str, by: int) -> bool:
        """Go to the next row that has it, or with `by` -1 to the one before; from the one that was found last."""
        start = (-1 if by > 0 else self.end) if self.marked is None else self.marked
        rest = range(start + 1, self.end) if by > 0 else range(start - 1, -1, -1)
        found = next((number for number in rest if has(self, number, wanted)), None)
        if found is not None:
            self.marked, self.follow = found, False
            self.version += 1
            self.moved(max(0, found - 5))
        return found is not None

    def _wrap(self) -> None:
        self.version += 1
        self.marked = None
        self._rows = []
        for text, kind, spans, hang in self._lines:
            lines = visible(text).split("\n")
            for line in lines:
                self._rows += broken(line, self._width, kind, spans if len(lines) == 1 else (), hang)


def lowered(text: str) -> str:
    """Without capitals, and each character in its place."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(each.lower() if len(each.lower()) == 1 else each for each in text)


def has(rows: Rows, number: int, wanted: str) -> bool:
    """Whether `wanted` begins in this row."""
    row = rows.row(number)
    more = rows.row(number + 1).text[: len(wanted) - 1] if row.soft and number + 1 < rows.end else ""
    return lowered(wanted) in lowered(row.text + more)


def line(text: str, kind: Kind = Kind.TEXT, *spans: Span, hang: int = 0) -> Line:
    """A line of a sheet. Where it is broken, it goes on so many cells further in."""
    return text, kind, spans, hang


def broken(text: str, width: int, kind: Kind, spans: Sequence[Span] = (), hang: int = 0) -> list[Row]:
    """One line as rows. The spans stay where they were in the line."""
    hang = min(hang, width // 2)
    pieces = wrap(text, width)
    if hang and len(pieces) > 1:
        pieces = [pieces[0], *wrap(text[len(pieces[0]) :], width - hang)]
    rows: list[Row] = []
    start = 0
    for number, piece in enumerate(pieces):
        end = start + len(piece)
        here = tuple((max(a, start) - start, min(b, end) - start, s) for a, b, s in spans if a < end and b > start)
        rows.append(Row(piece, kind, soft=number < len(pieces) - 1, spans=here, indent=hang if number else 0))
        start = end
    return rows


def shares(top: int, height: int, count: int) -> tuple[float, float]:
    """Where of `count` rows these are."""
    return (top / count, min(1.0, (top + height) / count)) if count else (0.0, 1.0)


def at_position(rows: Sequence[Row], position: int) -> int:
    """The index of the row that has this position."""
    index = bisect_left(rows, position, key=lambda row: row.position)
    return index if index < len(rows) and rows[index].position == position else max(0, index - 1)
