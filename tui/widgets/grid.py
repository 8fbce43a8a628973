"""A table that draws only what is seen: many rows, few changes, and no layout when they change."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from tui.lists.listing import Listing
from tui.widgets.columns import GAP, Cell, Column, Placed, Sight, placed
from tui.widgets.drawn import Drawn
from tui.widgets.gridstrips import row_strip, said_strip, title_strip, with_bar
from tui.widgets.pieces import highlighted, scroll_piece

T = TypeVar("T")

_HEAD: Final = 1
_WHEEL: Final = 3
_KEPT_STRIPS: Final = 500
_FRESH_LINES: Final = 6
"""Lines that are drawn anew at a stretch: once a second the age of every row changes, and there may be sixty."""
_Drawn = tuple[tuple[Cell, ...], bool, str]
"""What a line was drawn from: its cells, whether the cursor is on it, its piece of the scroll bar."""


class Grid(Drawn, Generic[T]):
    """Shows a listing. The cursor stays with its row, wherever that goes.

    `redraw` draws the lines that changed; call it as often as that is worth looking at.
    """

    can_focus = True
    DEFAULT_CSS = "Grid { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False, tooltip="Down"),
        Binding("up,k", "move(-1)", show=False, tooltip="Up"),
        Binding("pagedown,ctrl+f", "page(1)", show=False, tooltip="A screen down"),
        Binding("pageup,ctrl+b", "page(-1)", show=False, tooltip="A screen up"),
        Binding("home,g", "go(0)", show=False, tooltip="To the first, whichever that is"),
        Binding("end,G", "go(-1)", show=False, tooltip="To the last"),
    ]

    class Opened(Message):
        """A row was clicked twice."""

    class Moved(Message):
        """Somebody moved the cursor."""

    class Sorted(Message):
        """The title of `column` was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    def __init__(
        self,
        columns: Sequence[Column[T]],
        listing: Listing[T],
        sight: Callable[[], Sight],
        empty: Callable[[], Sequence[Cell]],
    ) -> None:
        super().__init__()
        self._columns = columns
        self._listing = listing
        self._look_around = sight
        self._empty = empty
        self._sight = sight()
        self._sorted: tuple[str, bool] = ("", False)
        self._places: list[Placed[T]] = []
        self._strips: dict[str, tuple[_Drawn, Strip]] = {}
        self._key: str | None = None
        self._index = 0
        self._top = 0
        self._fresh = 0
        self._next = 0
        self.chosen = False
        """Whether somebody moved the cursor. Until then it stays on top, whatever comes."""
        self.behind = False
        """Whether some lines are still as they were: the next `redraw` goes on with them."""

    @property
    def cursor(self) -> str | None:
        """The key of the row that the cursor is on."""
        return self._key if len(self._listing) else None

    @property
    def _page(self) -> int:
        return max(1, self.size.height - _HEAD)

    def sorted_by(self, title: str, *, descending: bool) -> None:
        """Which title has the arrow."""
        self._sorted = (title, descending)

    def put_cursor(self, key: str) -> None:
        """Move the cursor to the row of `key`, if it is shown."""
        index = self._listing.index(key)
        if index is not None:
            self.chosen = True
            self._to(index)

    def redraw(self) -> None:
        """Draw the lines that are not as they were drawn last; of many rows that changed, some now, some later."""
        sight = self._look_around()
        if sight.look is not self._sight.look:
            self._strips.clear()
        self._sight = sight
        self._settle()
        super().redraw()

    def lines(self) -> list[Strip]:
        """All that are seen. Those that had to wait the last time come first."""
        height = self.size.height
        first, self._next = min(self._next, height), 0
        self._fresh, self.behind = 0, False
        lines: dict[int, Strip] = {}
        for y in (*range(first, height), *range(first)):
            lines[y] = self.line(y)
            if self.behind and not self._next:
                self._next = y
        return [lines[y] for y in range(height)]

    def marked(self, strip: Strip, y: int) -> Strip:
        selection = self.text_selection
        span = selection.get_span(self._top + y - _HEAD) if selection and y >= _HEAD else None
        return highlighted(strip, *span, self.selected_style) if span else strip

    def placed(self, strip: Strip, y: int) -> Strip:
        return strip.apply_offsets(0, self._top + y - _HEAD) if y >= _HEAD else strip

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What was selected with the mouse, of the lines that are there now."""
        first = selection.start.y if selection.start else self._top
        last = selection.end.y if selection.end else self._top + self._page - 1
        texts = []
        for line in range(max(0, first), min(last, max(len(self._listing) - 1, self._page)) + 1):
            span = selection.get_span(line)
            if span is not None:
                text = self._line(line).text
                texts.append(text[span[0] : len(text) if span[1] == -1 else span[1]].rstrip(" ▐│"))
        return "\n".join(texts).strip("\n"), "\n"

    def on_mount(self) -> None:
        self.redraw()

    def on_resize(self, _: Resize) -> None:
        self._places = placed(self._columns, self.size.width - 1)
        self._strips.clear()
        self.redraw()

    def on_click(self, event: Click) -> None:
        if event.chain > 1:
            event.prevent_default()  # Textual would select everything
        if event.y < _HEAD:
            for place in self._places:
                if place.start <= event.x < place.start + place.width + GAP and place.column.rank:
                    self.post_message(self.Sorted(place.column.title))
            return
        index = self._top + event.y - _HEAD
        if index >= len(self._listing) or self.screen.get_selected_text():
            return
        self._by_hand(index)
        if event.chain == 2:
            self.post_message(self.Opened())

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._scroll(_WHEEL)
        event.stop()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._scroll(-_WHEEL)
        event.stop()

    def action_move(self, by: int) -> None:
        self._by_hand(self._index + by)

    def action_page(self, by: int) -> None:
        self._top += by * self._page
        self._by_hand(self._index + by * self._page)

    def action_go(self, index: int) -> None:
        self._by_hand(index if index >= 0 else len(self._listing) - 1)
        self.chosen = index != 0

    def _scroll(self, by: int) -> None:
        """Move what is seen; the cursor comes along at the edges."""
        self._top = max(0, min(self._top + by, len(self._listing) - self._page))
        self._by_hand(max(self._top, min(self._index, self._top + self._page - 1)))

    def _by_hand(self, index: int) -> None:
        self.chosen = True
        self._to(index)
        self.post_message(self.Moved())

    def _to(self, index: int) -> None:
        if len(self._listing):
            self._index = max(0, min(index, len(self._listing) - 1))
            self._key = self._listing.key(self._index)
            self.redraw()

    def _settle(self) -> None:
        """Find the cursor's row again after the listing changed, and keep it in sight."""
        count = len(self._listing)
        if not count:
            self._key, self._index, self._top = None, 0, 0
            return
        index = self._listing.index(self._key) if self._key is not None and self.chosen else None
        if index is None:  # it went: the row that is in its place now has the cursor
            index = min(self._index, count - 1) if self.chosen else 0
            self._key = self._listing.key(index)
        if self._top:  # rows that come or go above it move nothing on the screen
            self._top += index - self._index
        self._index = index
        self._top = max(index - self._page + 1, min(self._top, index, max(0, count - self._page)), 0)

    def line(self, y: int) -> Strip:
        return self._head() if y < _HEAD else self._line(self._top + y - _HEAD)

    def _line(self, line: int) -> Strip:
        """The row that is shown at `line`; what is said instead if there are none."""
        if line >= len(self._listing):
            says = () if len(self._listing) else self._empty()
            says = (*[("", None)] * max(0, (self._page - len(says)) // 3), *says)
            return self._said(line, says[line] if line < len(says) else ("", None))
        key = self._listing.key(line)
        row = self._listing.row(key)
        assert row is not None  # it is shown
        cells = tuple(place.column.cell(row, self._sight) for place in self._places)
        from_ = (
            cells,
            line == self._index,
            scroll_piece(line - self._top, self._top, len(self._listing), self._page),
        )
        return self._kept(key, from_, self._row)

    def _kept(self, key: str, from_: _Drawn, draw: Callable[[_Drawn], Strip]) -> Strip:
        known = self._strips.get(key)
        if known is not None and known[0] == from_:
            return known[1]
        if known is not None and known[0][1:] == from_[1:] and self._fresh >= _FRESH_LINES:
            self.behind = True
            return known[1]
        self._fresh += 1
        if len(self._strips) > _KEPT_STRIPS:
            self._strips.clear()
        strip = draw(from_)
        self._strips[key] = (from_, strip)
        return strip

    def _row(self, from_: _Drawn) -> Strip:
        cells, here, bar = from_
        look = self._sight.look
        return with_bar(row_strip(self._places, cells, look, here=here), bar, self.size.width, look, here=here)

    def _head(self) -> Strip:
        titles = tuple((place.column.title, None) for place in self._places)
        by, descending = self._sorted

        def draw(_: _Drawn) -> Strip:
            return title_strip(self._places, by, self.size.width, self._sight.look, descending=descending)

        return self._kept("\n", (titles, descending, by), draw)

    def _said(self, line: int, says: Cell) -> Strip:
        def draw(_: _Drawn) -> Strip:
            return said_strip(says, self.size.width, self._sight.look)

        return self._kept(f"\n{line}", ((says,), False, ""), draw)
