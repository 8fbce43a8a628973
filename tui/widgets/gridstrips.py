"""The lines of a grid: titles, a row, and what is said where there are none. Pure."""

from collections.abc import Sequence
from typing import Final, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.look import Look
from tui.widgets.cells import clean, fitted
from tui.widgets.columns import GAP, Cell, Placed

T = TypeVar("T")

_GAP: Final = " " * GAP


def row_strip(places: Sequence[Placed[T]], cells: Sequence[Cell], look: Look, *, here: bool) -> Strip:
    """A row's cells in their places; `here`: the cursor is on it. As wide as its text is."""
    ground = look.cursor if here else look.plain
    margin = places[0].start if places else 0
    pieces: list[Segment] = []
    run, run_style, length = " " * margin, ground, margin
    for place, (text, style) in zip(places, cells, strict=True):
        shown = fitted(clean(text), place.width, right=place.column.right)
        its = ground if here or style is None else ground + style
        if its is not run_style and not shown.isspace():  # what looks the same is one segment: that is cheap
            pieces.append(Segment(run, run_style))
            run, run_style = "", its
        run += shown + _GAP
        length += place.width + GAP
    pieces.append(Segment(run, run_style))
    return Strip(pieces, length)


def with_bar(strip: Strip, bar: str, width: int, look: Look, *, here: bool) -> Strip:
    """`strip` filled up to `width`, its last cell a piece of the scroll bar."""
    ground = look.cursor if here else look.plain
    muted = ground if here else ground + look.muted
    return Strip([*strip.adjust_cell_length(width - 1, ground), Segment(bar, muted)], width)


def title_strip(places: Sequence[Placed[T]], by: str, width: int, look: Look, *, descending: bool) -> Strip:
    """The titles, an arrow at the one that the rows are sorted `by`."""
    pieces = [Segment(" " * (places[0].start if places else 0), look.bar)]
    for place in places:
        title, style = place.column.title, look.bar + look.muted
        if title and title == by:
            title, style = f"{title}{'▼' if descending else '▲'}", look.bar + look.accent + look.strong
        # The arrow may stand in the gap: no column is wider for it.
        room = place.width + (0 if place.column.right and len(title) <= place.width else 1)
        pieces.append(Segment(fitted(title, room, right=place.column.right), style))
        pieces.append(Segment(" " * (GAP + place.width - room), look.bar))
    return Strip(pieces).adjust_cell_length(width, look.bar)


def said_strip(says: Cell, width: int, look: Look) -> Strip:
    """A line that is no row."""
    text, style = says
    pieces = [Segment("  " + fitted(clean(text), width - 2), look.plain + (style or Style()))]
    return Strip(pieces).adjust_cell_length(width, look.plain)
