"""Pieces of lines that lists draw. Pure."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


def scroll_piece(y: int, top: int, count: int, page: int) -> str:
    """The scroll bar at line `y` of a page: of `count` lines those from `top` on are seen."""
    if count <= page:
        return " "
    length = max(1, page * page // count)
    start = (page - length) * top // (count - page)
    return "▐" if start <= y < start + length else "│"


def highlighted(strip: Strip, start: int, end: int, style: Style) -> Strip:
    """`strip` with its characters from `start` to `end` (-1: its end) in `style` too."""
    first = strip.index_to_cell_position(start)
    last = strip.cell_length if end == -1 else strip.index_to_cell_position(end)
    found = [Segment(segment.text, (segment.style or Style()) + style) for segment in strip.crop(first, last)]
    return Strip.join([strip.crop(0, first), Strip(found), strip.crop(last)])
