"""What the screens that are lists have in common: a grid, a filter bar below it, and the keys of both."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar, Final, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.worker import Worker

from clinvk.domain.errors import ClinvkError
from tui.lists.filters import Vocabulary, WrongFilter, read
from tui.lists.listing import Listing, Rank
from tui.screens.base import ConsoleScreen
from tui.screens.run import RunScreen
from tui.widgets.columns import Cell, Column, Sight
from tui.widgets.filterbar import FilterBar
from tui.widgets.grid import Grid

T = TypeVar("T")

FILTER: Final = Binding("slash", "filter", "filter", tooltip="Filter as you type; Enter keeps it, Esc gives it up")
FILTER_OFF: Final = Binding("f", "filter_off", show=False, tooltip="Switch the filter off, and on again")
SORT: Final = Binding("s", "sort", "sort", tooltip="Sort by the next column")
TURN: Final = Binding("S", "turn", show=False, tooltip="Turn the order round")
FOLLOW: Final = Binding("F", "follow", "follow", tooltip="Keep the cursor on the newest; any move ends it")
COPY_ID: Final = Binding("y", "copy_id", "copy id", tooltip="Copy the id")


_NO_NEWS_SECS: Final = 1.5


class ListScreen(ConsoleScreen, Generic[T]):
    """A list of `T`. Subclasses say what its rows are, and what can be done with one."""

    NOUN: ClassVar[tuple[str, str]] = ("row", "rows")
    HINT: ClassVar[str] = "words"
    """What can be typed into the filter bar."""
    SORTED_BY: ClassVar[str] = ""
    """The title of the column that the list is sorted by at first."""
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self) -> None:
        super().__init__()
        self._columns = self.columns()
        self._vocabulary = self.vocabulary()
        self._by = next(column for column in self._columns if column.title == self.SORTED_BY)
        self._descending = self._by.descending
        self._following = False
        self._heard = -1
        self._news_at = 0.0
        self._worker: Worker[None] | None = None
        self._taken = -1
        self._drawn: tuple[object, ...] = ()
        self.listing = Listing[T](self._vocabulary.text, self._rank(), descending=self._descending)
        self.grid = Grid(self._columns, self.listing, self.sight, self._empty)
        self.grid.sorted_by(self._by.title, descending=self._descending)
        self.bar = FilterBar(self._summary, self.detail, self.HINT)

    def columns(self) -> Sequence[Column[T]]:
        raise NotImplementedError

    def vocabulary(self) -> Vocabulary[T]:
        raise NotImplementedError

    def rows(self) -> Mapping[str, T]:
        """By id, as they are now. What did not change is the same object."""
        raise NotImplementedError

    def why_empty(self) -> Sequence[Cell]:
        """What is said where there is no row at all, a line each."""
        raise NotImplementedError

    def detail(self) -> Cell:
        """What the line below the list says of the row that the cursor is on."""
        return "", None

    def newest(self) -> str | None:
        """Which row the cursor follows."""
        return max(self.rows(), default=None)

    def body(self) -> ComposeResult:
        yield self.grid
        yield self.bar

    def on_mount(self) -> None:
        self.grid.focus()

    def changed(self) -> None:
        """There are other rows, which the board does not know of."""
        self._taken = -1

    def sight(self) -> Sight:
        return Sight(self.look, self.board.now, self.board.marked)

    def beat(self) -> None:
        if not self.is_mounted:
            return
        if self.board.version != self._taken and not self.listing.busy:
            self._taken = self.board.version
            self.listing.take(self.rows())
        if self.listing.busy and (self._worker is None or self._worker.is_finished):
            self._worker = self.run_worker(self._work, name="list")
        # Ages grow with the news of the board, which come every second or so; without any they grow all the same.
        late = int(self.board.now) if self.board.now - self._news_at > _NO_NEWS_SECS else 0
        if self.board.version != self._heard:
            self._heard, self._news_at = self.board.version, self.board.now
        drawn = (self.listing.version, self.board.version, late, self.look)
        if drawn != self._drawn or self.grid.behind:
            self._drawn = drawn
            if self._following and (newest := self.newest()) is not None:
                self.grid.put_cursor(newest)
            self.grid.redraw()
            self.bar.redraw()

    @property
    def chosen(self) -> T | None:
        """The row that the cursor is on, where it now stays: somebody does something with it."""
        self.grid.chosen = True
        return self.current

    @property
    def current(self) -> T | None:
        """The row that the cursor is on."""
        return self.listing.row(self.grid.cursor) if self.grid.cursor is not None else None

    def filter_by(self, text: str) -> None:
        """Show what `text` says, as if it had been typed."""
        self.bar.set(text)

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        try:
            wanted = read(event.text, self._vocabulary)
        except WrongFilter as wrong:
            self.bar.fault = str(wrong)
        else:
            self.bar.fault = ""
            self.listing.choose(wanted)
        self._drawn = ()
        self.beat()

    def on_filter_bar_left(self) -> None:
        self.grid.focus()

    def on_grid_moved(self) -> None:
        self._following = False
        self.bar.redraw()

    async def on_grid_opened(self) -> None:
        await self.run_action("screen.open")

    def on_grid_sorted(self, event: Grid.Sorted) -> None:
        column = next(column for column in self._columns if column.title == event.column)
        self._sort(column, descending=not self._descending if column is self._by else column.descending)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a filter is typed, `/` is a letter of it."""
        return not (action == "filter" and self.bar.typing) and super().check_action(action, parameters)

    def action_filter(self) -> None:
        self.bar.edit()

    def action_filter_off(self) -> None:
        self.bar.toggle()

    def action_sort(self) -> None:
        """Sort by the next column, of all those that can be sorted by."""
        able = [column for column in self._columns if column.rank is not None]
        column = able[(able.index(self._by) + 1) % len(able)]
        self._sort(column, descending=column.descending)

    def action_turn(self) -> None:
        self._sort(self._by, descending=not self._descending)

    def action_follow(self) -> None:
        self._following = not self._following
        self._drawn = ()
        self.beat()

    def action_copy_id(self) -> None:
        if self.grid.cursor is not None:
            self.console.copy(self.grid.cursor, self.grid.cursor)

    def tell(self, trouble: ClinvkError | str) -> None:
        """Something could not be done, and why."""
        failed = isinstance(trouble, ClinvkError)
        self.notify(str(trouble), severity="error" if failed else "warning", markup=False)

    def do(self, what: Callable[[], Awaitable[None]]) -> None:
        """Do it beside the console; say so if it fails."""

        async def carefully() -> None:
            try:
                await what()
            except ClinvkError as error:
                self.tell(error)

        self._acting: Worker[None] = self.run_worker(carefully, group="actions")

    def show_runs(self, filter_: str) -> None:
        """The runs screen, with that filter."""
        self.console.switch_mode("runs")
        self.app.call_later(self._filter_runs, filter_)

    def open_run(self, run_id: str) -> None:
        """Show one run whole."""
        self.app.push_screen(RunScreen(run_id))

    def _sort(self, column: Column[T], *, descending: bool) -> None:
        self._by, self._descending = column, descending
        self.grid.sorted_by(column.title, descending=descending)
        self.listing.arrange(self._rank(), descending=descending)
        self._drawn = ()
        self.beat()

    def _rank(self) -> Callable[[T], Rank]:
        assert self._by.rank is not None
        return self._by.rank

    async def _work(self) -> None:
        for _ in self.listing.steps():
            await asyncio.sleep(0)
        self.changed()  # the rows may have gone on meanwhile

    def _filter_runs(self, filter_: str) -> None:
        screen = self.app.screen
        if isinstance(screen, ListScreen):
            screen.filter_by(filter_)

    def _empty(self) -> Sequence[Cell]:
        if self.listing.total:
            return (
                (f"No {self.NOUN[0]} matches the filter.", self.look.strong),
                ("Press / to change it, f to switch it off.", self.look.muted),
            )
        return self.why_empty()

    def _summary(self) -> str:
        shown, total = len(self.listing), self.listing.total
        said = f"{total} {self.NOUN[total != 1]}" if shown == total else f"{shown} of {total} {self.NOUN[1]}"
        by = f"by {self._by.title} {'▼' if self._descending else '▲'}"
        return " · ".join(filter(None, ("following" if self._following else "", by, said)))
