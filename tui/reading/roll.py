"""Rows that follow a run's events: they grow at the end, are let go at the beginning, and know their origin."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tui.reading.rows import Kind, Row, at_position
from tui.reading.wrapping import wrap


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A character of a run: how many visible characters behind the beginning of the piece `key`."""

    key: int
    offset: int = 0


@dataclass(slots=True)
class Roll:
    """The rows. `base` is the number of the first; `size` is about what their text takes, in bytes.

    Each visible character has a position, and so has each thing that is no text.
    """

    width: int
    rows: list[Row] = field(default_factory=list)
    base: int = 0
    size: int = 0
    position: int = 0
    _keys: "array[int]" = field(default_factory=lambda: array("Q"))
    _starts: "array[int]" = field(default_factory=lambda: array("Q"))

    def mark(self, key: int, ahead: int = 0) -> None:
        """The piece `key` begins here, or so many characters further on."""
        self._keys.append(key)
        self._starts.append(self.position + ahead)

    def add(self, row: Row) -> None:
        """A row that is no running text."""
        self.rows.append(replace(row, position=self.position))
        self.position += 1
        self.size += _cost(row)

    def begin(self, kind: Kind, item: object = None) -> None:
        """A new line of this thing, empty so far."""
        self.rows.append(Row("", kind, self.position, item=item))

    def write(self, text: str) -> None:
        """Go on with the last row. Only that one changes; others come."""
        last = self.rows.pop()
        kind, position, item = last.kind, last.position, last.item
        lines = (last.text + text).split("\n")
        for number, line in enumerate(lines):
            pieces = wrap(line, self.width)
            for piece in pieces[:-1]:
                self.rows.append(Row(piece, kind, position, soft=True, item=item))
                position += len(piece)
            self.rows.append(Row(pieces[-1], kind, position, item=item))
            position += len(pieces[-1]) + (number < len(lines) - 1)
        self.position += len(text)
        self.size += _weight(text) - len(lines) + 1

    def let_go(self, count: int) -> None:
        """The first rows are not needed any more."""
        self.size -= sum(map(_cost, self.rows[:count]))
        del self.rows[:count]
        self.base += count
        if self.rows:
            gone = max(0, bisect_right(self._starts, self.rows[0].position) - 1)
            del self._keys[:gone]
            del self._starts[:gone]

    @property
    def first(self) -> Place | None:
        """Where the rows begin."""
        return self.place(self.base)

    @property
    def events(self) -> int:
        """Pieces that have rows here."""
        return len(self._keys)

    def place(self, number: int) -> Place | None:
        """Where the row with this number is from."""
        if not self.rows or not self._keys:
            return None
        row = self.rows[min(max(0, number - self.base), len(self.rows) - 1)]
        mark = max(0, bisect_right(self._starts, row.position) - 1)
        return Place(self._keys[mark], max(0, row.position - self._starts[mark]))

    def number(self, place: Place) -> int:
        """The row that has this place, or the nearest."""
        return self.base + at_position(self.rows, self.at(place))

    def at(self, place: Place) -> int:
        """The position of a place. What has no rows here is at the next that has."""
        mark = bisect_left(self._keys, place.key)
        if mark < len(self._keys) and self._keys[mark] == place.key:
            return self._starts[mark] + place.offset
        return self._starts[mark] if mark < len(self._keys) else self.position

    def put(self, index: int, rows: Sequence[Row], count: int = 1) -> None:
        """Other rows in the place of `count`."""
        self.size += sum(map(_cost, rows)) - sum(map(_cost, self.rows[index : index + count]))
        self.rows[index : index + count] = rows


def _cost(row: Row) -> int:
    return _weight(row.text) + row.held


def _weight(text: str) -> int:
    """About how many bytes it takes. That of two texts is that of both together."""
    return len(text) if text.isascii() else len(text.encode())
