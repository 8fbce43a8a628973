"""The lines of a text: a row with its sign before it and the scroll bar behind it. Pure."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.look import Look
from tui.reading.rows import Row, Rows, lowered
from tui.widgets.kinds import SIGN_OF, style_of

GUTTER: Final = 2
"""Cells before the text."""
BAR: Final = 2
"""Cells behind it."""

Found = tuple[tuple[int, int], ...]
"""From which character to which."""


@dataclass(frozen=True, slots=True)
class RowSight:
    """How a row is looked at: `bar` says whether the scroll bar is here."""

    look: Look
    width: int
    bar: bool
    is_chosen: bool = False
    is_marked: bool = False


def row_strip(row: Row, sight: RowSight, found: Found) -> Strip:
    """A row, `found` in it marked."""
    look = sight.look
    style = look.plain + style_of(row.kind, look)
    if sight.is_chosen:
        style += look.strong + look.bar_ground
    gutter = _gutter(row, sight)
    text = Strip(_segments(row, style, found, look))
    room = sight.width - BAR - gutter.cell_length
    return Strip.join([Strip([gutter]), text.adjust_cell_length(room, look.plain), _bar(sight)])


def empty_strip(sight: RowSight) -> Strip:
    """A line below the last row."""
    room = max(0, sight.width - BAR)
    return Strip.join([Strip([Segment(" " * room, sight.look.plain)], room), _bar(sight)])


def found_in(rows: Rows, number: int, wanted: str) -> Found:
    """Where in that row `wanted` is, its share of what goes on in the next row or began in the last."""
    row, more = rows.row(number), len(wanted) - 1
    last = rows.row(number - 1) if number > rows.base else None
    before = last.text[-more:] if last and last.soft and more else ""
    after = rows.row(number + 1).text[:more] if row.soft and number + 1 < rows.end else ""
    text, wanted = lowered(before + row.text + after), lowered(wanted)
    found, at = [], text.find(wanted)
    while at >= 0:
        start, end = max(0, at - len(before)), min(len(row.text), at + len(wanted) - len(before))
        if start < end:
            found.append((start, end))
        at = text.find(wanted, at + 1)
    return tuple(found)


def _gutter(row: Row, sight: RowSight) -> Segment:
    look, room = sight.look, " " * row.indent
    if sight.is_marked or sight.is_chosen:
        sign = "▶ " if sight.is_marked else "❯ "
        return Segment(sign + room, look.plain + look.accent + look.strong)
    return Segment(SIGN_OF.get(row.kind, "  ") + room, look.plain + look.muted)


def _bar(sight: RowSight) -> Strip:
    sign, style = (" ┃", sight.look.accent) if sight.bar else (" │", sight.look.muted)
    return Strip([Segment(sign, sight.look.plain + style)], BAR)


def _segments(row: Row, style: Style, found: Found, look: Look) -> list[Segment]:
    """The row's text in its styles."""
    text = row.text
    layers = [(start, end, cast("Style", getattr(look, name))) for start, end, name in row.spans]
    layers += [(start, end, look.found) for start, end in found]
    if not layers:
        return [Segment(text, style)]
    edges = sorted(
        {0, len(text), *(edge for start, end, _ in layers for edge in (start, end) if edge < len(text))}
    )
    return [
        Segment(text[a:b], Style.combine([style, *(layer for start, end, layer in layers if start <= a < end)]))
        for a, b in pairwise(edges)
    ]
