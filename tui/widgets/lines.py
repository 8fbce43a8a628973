"""Rows of text on the screen: scrolled, followed, selected, with what was found marked in them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from tui.look import Look, look_of
from tui.reading.rows import Kind, Rows, Sheet
from tui.widgets.drawn import Drawn
from tui.widgets.pieces import highlighted
from tui.widgets.rowstrips import BAR, GUTTER, RowSight, empty_strip, found_in, row_strip

_KEPT_STRIPS: Final = 500
_WHEEL_ROWS: Final = 3
_RUNNING_BEATS: Final = 2
COPIED_CHARS: Final = 1 << 20
"""Characters of a selection that are copied; what is behind them is not."""


@dataclass(frozen=True, slots=True)
class _View:
    """What is in sight: the number of its first row, and where on the scroll bar it is."""

    look: Look
    width: int
    top: int
    bar: range


class Lines(Drawn):
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
        self._beats = 0
        self._strips: dict[int, tuple[tuple[object, ...], Strip]] = {}
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
        rows.moved = self._moved
        self._fit()

    def beat(self) -> None:
        """Redraw if something changed."""
        top = self.top
        self.rows.seen(top, self.size.height)
        now = (self.rows.version, top, self.wanted, self.rows.follow, look_of(self))
        self._beats += 1
        # Text that runs up the screen is a whole screen anew each time: five of them a second are enough to read.
        if self.rows.follow and self._drawn and self._drawn[1] != top and self._beats < _RUNNING_BEATS:
            return
        if now != self._drawn:
            self._beats = 0
            self._drawn = now
            self.redraw()

    def on_resize(self, _: Resize) -> None:
        self._fit()

    def lines(self) -> list[Strip]:
        view = self._view()
        return [self._seen(y, view) for y in range(self.size.height)]

    def line(self, y: int) -> Strip:
        return self._seen(y, self._view())

    def _view(self) -> _View:
        """What all lines of a frame have in common: each of these costs, and there are sixty lines."""
        size, top = self.size, self.top
        start, end = self.rows.part(top, size.height)
        first = min(int(start * size.height), size.height - 1)
        bar = range(first, max(first + 1, int(end * size.height)))
        return _View(look_of(self), size.width, top, bar)

    def _seen(self, y: int, view: _View) -> Strip:
        number, bar = view.top + y, y in view.bar
        if number >= self.rows.end:
            sight = RowSight(view.look, view.width, bar)
            return self._kept(-1 - y, (sight,), lambda: empty_strip(sight))
        row = self.rows.row(number)
        is_chosen = row.kind is Kind.HEAD and row.item is self.chosen
        sight = RowSight(view.look, view.width, bar, is_chosen, number == self.rows.marked)
        found = found_in(self.rows, number, self.wanted) if self.wanted else ()
        return self._kept(number, (row, sight, found), lambda: row_strip(row, sight, found))

    def marked(self, strip: Strip, y: int) -> Strip:
        selection, number = self.text_selection, self.top + y
        span = selection.get_span(number) if selection and number < self.rows.end else None
        if span is None:
            return strip
        before = GUTTER + self.rows.row(number).indent
        end = before + (len(self.rows.row(number).text) if span[1] == -1 else span[1])
        return highlighted(strip, before + span[0], end, self.selected_style)

    def placed(self, strip: Strip, y: int) -> Strip:
        number = self.top + y
        if number >= self.rows.end:
            return strip
        before, after = GUTTER + self.rows.row(number).indent, self.size.width - BAR
        text = strip.crop(before, after).apply_offsets(0, number)
        return Strip.join([strip.crop(0, before), text, strip.crop(after)])

    def _kept(self, key: int, from_: tuple[object, ...], draw: Callable[[], Strip]) -> Strip:
        known = self._strips.get(key)
        if known is not None and known[0] == from_:
            return known[1]
        if len(self._strips) > _KEPT_STRIPS:
            self._strips.clear()
        strip = draw()
        self._strips[key] = (from_, strip)
        return strip

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
            self.redraw()

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
        if event.x >= self.size.width - BAR:
            self.rows.to_part(event.y / max(1, self.size.height - 1))
        elif number < self.rows.end and self.rows.row(number).kind is Kind.HEAD:
            self.post_message(self.Toggled(number))

    def _fit(self) -> None:
        if self.size.width:
            self.rows.resize(max(8, self.size.width - BAR - GUTTER))
            self.beat()

    def _moved(self, number: int) -> None:
        self._top = number
        self.rows.seen(self.top, self.size.height)
        self.redraw()

    def _go_to(self, number: int) -> None:
        if number < self.top or not self.rows.follow:
            self._top = number
            self.rows.follow = False
            self._top = self.top
        elif number == self.top:
            self._top, self.rows.follow = number, False
        self.beat()
