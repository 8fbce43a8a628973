"""Rows of text on the screen: scrolled, followed, selected, with what was found marked in them."""

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui.look import Look
from tui.rows import Kind, Row, Rows, Sheet, lowered
from tui.widgets.kinds import SIGN_OF, style_of

if TYPE_CHECKING:
    from tui.console import Console

_GUTTER: Final = 2
_BAR: Final = 2
_WHEEL_ROWS: Final = 3
COPIED_CHARS: Final = 1 << 20
"""Characters of a selection that are copied; what is behind them is not."""


class Lines(Widget):
    """Draws the rows that are in sight, and nothing else; asks for a new layout never."""

    class Toggled(Message):
        """The thing that this row is of was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    can_focus = True
    DEFAULT_CSS = "Lines { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", show=False, tooltip="Up a line"),
        Binding("down,j", "scroll(1)", show=False, tooltip="Down a line"),
        Binding("pageup,ctrl+b", "page(-1)", show=False, tooltip="Up a page"),
        Binding("pagedown,ctrl+f", "page(1)", show=False, tooltip="Down a page"),
        Binding("g,home", "to_begin", show=False, tooltip="To the very beginning"),
        Binding("G,end", "to_end", show=False, tooltip="To the end, and follow it"),
        Binding("F", "follow", "follow", tooltip="Keep the end in sight, or stop that; scrolling up stops it too"),
    ]

    def __init__(self, rows: Rows | None = None, *, id: str | None = None) -> None:  # noqa: A002  Textual's own
        super().__init__(id=id)
        self.rows: Rows = Sheet()
        self.wanted = ""
        """What is marked wherever it is in sight."""
        self.chosen: object = None
        """The thing that the next key is for."""
        self._top = 0
        self._drawn: tuple[object, ...] = ()
        self._parted: tuple[int, int, int] = (-1, 0, 0)
        self._part = (0.0, 1.0)
        if rows:
            self.show(rows)

    @property
    def allow_select(self) -> bool:
        return True

    @property
    def top(self) -> int:
        """The number of the first row in sight."""
        rows, height = self.rows, self.size.height
        last = max(rows.base, rows.end - height)
        return last if rows.follow else max(rows.base, min(self._top, last))

    def show(self, rows: Rows) -> None:
        """These are the rows from now on."""
        self.rows = rows
        self._parted = (-1, 0, 0)
        rows.moved = self._moved
        self._fit()

    def beat(self) -> None:
        """Redraw if something changed."""
        top = self.top
        self.rows.seen(top, self.size.height)
        now = (self.rows.version, top, self.wanted, self.rows.follow)
        if now != self._drawn:
            self._drawn = now
            self.refresh(layout=False)

    def on_resize(self, _: Resize) -> None:
        self._fit()

    def render_line(self, y: int) -> Strip:
        look = cast("Console", self.app).look
        number = self.top + y
        room = max(0, self.size.width - _BAR)
        bar = Segment(*self._bar(y, look))
        if number >= self.rows.end:
            return Strip([Segment(" " * room, look.plain), bar], room + _BAR)
        row = self.rows.row(number)
        style = style_of(row.kind, look)
        if row.kind is Kind.HEAD and row.item is self.chosen:
            style += look.strong + look.bar_ground
        gutter = Strip([self._gutter(row, number, look)])
        text = Strip(self._segments(row, number, look.plain + style)).adjust_cell_length(
            room - gutter.cell_length, look.plain
        )
        return Strip.join([gutter, text.apply_offsets(0, number), Strip([bar], _BAR)])

    def hold(self) -> None:
        """Stay here, whatever comes."""
        self._go_to(self.top)

    def choose(self, by: int) -> None:
        """Go on to the next thing that can be unfolded, or back to the one before."""
        rows, top = self.rows, self.top
        here = next((at for at in self._in_sight() if self._is_head(at, self.chosen)), None)
        start = here if here is not None else top - 1 if by > 0 else top + self.size.height
        rest = range(start + 1, rows.end) if by > 0 else range(start - 1, rows.base - 1, -1)
        found = next((at for at in rest if rows.row(at).kind is Kind.HEAD), None)
        if found is not None:
            self.hold()
            self.chosen = rows.row(found).item
            if found not in self._in_sight():
                self._go_to(found - self.size.height // 3)
            self.refresh(layout=False)

    def toggle(self) -> None:
        """Fold or unfold what was chosen, else the first thing in sight that can be."""
        found = next((at for at in self._in_sight() if self._is_head(at, self.chosen)), None)
        if found is None:
            kinds = (Kind.HEAD, Kind.BODY)
            found = next((at for at in self._in_sight() if self.rows.row(at).kind in kinds), None)
        if found is not None:
            self.toggle_row(found)

    def toggle_row(self, number: int) -> None:
        """Fold or unfold what this row is of; its first row stays in sight, or comes to be."""
        self.hold()
        item = self.chosen = self.rows.row(number).item
        while number > self.rows.base and self.rows.row(number - 1).item is item:
            number -= 1
        self.rows.toggle(number)
        if number < self._top:
            self._go_to(number)
        self.beat()

    def _in_sight(self) -> range:
        return range(self.top, min(self.rows.end, self.top + self.size.height))

    def _is_head(self, number: int, item: object) -> bool:
        row = self.rows.row(number)
        return row.kind is Kind.HEAD and row.item is item

    def selection_updated(self, selection: Selection | None) -> None:
        if selection is not None and self.rows.follow:
            self.hold()  # what is being selected must not run away
        self.refresh(layout=False)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        rows = self.rows
        first = max(rows.base, selection.start.y if selection.start else rows.base)
        last = min(rows.end - 1, selection.end.y if selection.end else rows.end - 1)
        parts: list[str] = []
        length = 0
        for number in range(first, last + 1):
            row, span = rows.row(number), selection.get_span(number)
            if span is None or length > COPIED_CHARS:
                continue
            start, end = span
            parts.append(row.text[start : len(row.text) if end == -1 else end])
            parts.append("" if row.soft or number == last else "\n")
            length += len(parts[-2])
        return "".join(parts), "\n"

    def action_scroll(self, by: int) -> None:
        self._go_to(self.top + by)

    def action_page(self, by: int) -> None:
        self._go_to(self.top + by * max(1, self.size.height - 1))

    def action_to_begin(self) -> None:
        self.rows.to_begin()
        self.beat()

    def action_to_end(self) -> None:
        self.rows.to_end()
        self.beat()

    def action_follow(self) -> None:
        if self.rows.follow:
            self._go_to(self.top)
        else:
            self.action_to_end()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self._go_to(self.top - _WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self._go_to(self.top + _WHEEL_ROWS)

    def on_click(self, event: Click) -> None:
        number = self.top + event.y
        if event.x >= self.size.width - _BAR:
            self.rows.to_part(event.y / max(1, self.size.height - 1))
        elif number < self.rows.end and self.rows.row(number).kind is Kind.HEAD:
            self.post_message(self.Toggled(number))

    def _fit(self) -> None:
        if self.size.width:
            self.rows.resize(max(8, self.size.width - _BAR - _GUTTER))
            self.beat()

    def _moved(self, number: int) -> None:
        self._top = number
        self.rows.seen(self.top, self.size.height)
        self.refresh(layout=False)

    def _go_to(self, number: int) -> None:
        if number < self.top or not self.rows.follow:
            self._top = number
            self.rows.follow = False
            self._top = self.top
        elif number == self.top:
            self._top, self.rows.follow = number, False
        self.beat()

    def _gutter(self, row: Row, number: int, look: Look) -> Segment:
        if number == self.rows.marked:
            return Segment("▶ ", look.plain + look.accent + look.strong)
        if row.kind is Kind.HEAD and row.item is self.chosen:
            return Segment("❯ ", look.plain + look.accent + look.strong)
        return Segment(SIGN_OF.get(row.kind, "  ") + " " * row.indent, look.plain + look.muted)

    def _bar(self, y: int, look: Look) -> tuple[str, Style]:
        """One cell of the scroll bar: it is of the whole text, not only of the rows that are here."""
        height = self.size.height
        now = (self.rows.version, self.top, height)
        if now != self._parted:  # asked for by every line
            self._parted, self._part = now, self.rows.part(self.top, height)
        start, end = self._part
        first = min(int(start * height), height - 1)
        is_here = first <= y <= max(first, int(end * height) - 1)
        return (" ┃", look.plain + look.accent) if is_here else (" │", look.plain + look.muted)

    def _segments(self, row: Row, number: int, style: Style) -> list[Segment]:
        """The row's text in its styles, what was found and what is selected in theirs."""
        look = cast("Console", self.app).look
        text = row.text
        layers = [(start, end, cast("Style", getattr(look, name))) for start, end, name in row.spans]
        layers += [(start, end, look.found) for start, end in self._found(row, number)]
        selection = self.text_selection
        span = selection.get_span(number) if selection else None
        if span:
            selected = self.screen.get_component_rich_style("screen--selection")
            layers.append((span[0], len(text) if span[1] == -1 else span[1], selected))
        if not layers:
            return [Segment(text, style)]
        edges = sorted(
            {0, len(text), *(edge for start, end, _ in layers for edge in (start, end) if edge < len(text))}
        )
        return [
            Segment(
                text[a:b], Style.combine([style, *(layer for start, end, layer in layers if start <= a < end)])
            )
            for a, b in pairwise(edges)
        ]

    def _found(self, row: Row, number: int) -> list[tuple[int, int]]:
        """Where in the row what is wanted is, its share of what goes on in the next row or began in the last."""
        if not self.wanted:
            return []
        more, rows = len(self.wanted) - 1, self.rows
        last = rows.row(number - 1) if number > rows.base else None
        before = last.text[-more:] if last and last.soft and more else ""
        after = rows.row(number + 1).text[:more] if row.soft and number + 1 < rows.end else ""
        text, wanted = lowered(before + row.text + after), lowered(self.wanted)
        found, at = [], text.find(wanted)
        while at >= 0:
            start, end = max(0, at - len(before)), min(len(row.text), at + len(wanted) - len(before))
            if start < end:
                found.append((start, end))
            at = text.find(wanted, at + 1)
        return found
