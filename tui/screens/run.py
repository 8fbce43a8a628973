"""The screen of one run: what it says as it says it, and all that is known of it."""

from collections.abc import Iterable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher

from clinvk.domain.errors import ClinvkError, RunNotFound
from clinvk.views import RunView
from tui import actions, formats
from tui.look import SYMBOLS
from tui.reading.eventlist import EventList
from tui.reading.rows import Sheet
from tui.reading.transcript import Transcript
from tui.reading.window import Window
from tui.screens.base import ConsoleScreen
from tui.screens.panes import pages
from tui.screens.panes.copying import Copying
from tui.screens.panes.finding import Finding
from tui.screens.panes.head import RunHead
from tui.widgets.findbar import FindBar
from tui.widgets.kinds import SIGNS
from tui.widgets.lines import Lines
from tui.widgets.tabs import TabLine

_TABS: Final = ("output", "events", "request", "explain", "stderr", "processes")
_LOOK_SECS: Final = 1.0


class RunScreen(ConsoleScreen):
    """One run. It reads what the tab in front needs, while it is in front, and no more."""

    TITLE = "Run"
    DEFAULT_CSS = "RunScreen ContentSwitcher { height: 1fr; }"
    INTRODUCTION = "One run: its output as it comes, its events, its request, how it was judged, its processes."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", tooltip="Back; first it ends a search, and what it marked"),
        Binding("q", "leave", show=False, tooltip="Back to the list"),
        Binding("tab,right,right_square_bracket", "turn(1)", "tabs", tooltip="The next tab"),
        Binding("shift+tab,left,left_square_bracket", "turn(-1)", show=False, tooltip="The tab before"),
        Binding("space,enter", "unfold", "unfold", tooltip="Unfold or fold the tool that is chosen, or the first"),
        Binding("t", "choose(1)", show=False, tooltip="Choose the next tool"),
        Binding("T", "choose(-1)", show=False, tooltip="Choose the tool before"),
        Binding("z", "unfold_all", show=False, tooltip="Unfold or fold all tools"),
        Binding("slash", "find", "find", tooltip="Find from here on, in the whole run; Esc ends the search"),
        Binding("n", "again(1)", show=False, tooltip="The next match"),
        Binding("N", "again(-1)", show=False, tooltip="The match before"),
        Binding("c", "cancel", "cancel", tooltip="Cancel the run, after a question"),
        Binding("C", "cancel_now", show=False, tooltip="Cancel the run at once"),
        Binding("r", "rerun", "rerun", tooltip="Start the same prompt once more, and open that run"),
        Binding("R", "rerun_elsewhere", show=False, tooltip="Start the same prompt on a backend you choose"),
        Binding("y", "copy", "copy", tooltip="Copy what the tab shows; of the output, the answer"),
        Binding("u", "copy_curl", show=False, tooltip="Copy the request as a curl command"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.run: RunView | None = None
        self._is_final = False
        self._dropped: dict[str, int] = {}
        self._unfolded = False
        self._windows: dict[str, Window] = {}
        self._sheets = {name: Sheet(follow=name == "stderr") for name in _TABS[2:]}
        self._head = RunHead(lambda: self.run)
        self._tabs = TabLine(_TABS, self._status)
        self._lines = {name: Lines(self._sheets.get(name), id=name) for name in _TABS}
        self._find = FindBar()
        self._finding = Finding(self)
        self._copying = Copying(self)

    def body(self) -> ComposeResult:
        yield self._head
        yield self._tabs
        with ContentSwitcher(initial=_TABS[0]):
            yield from self._lines.values()
        yield self._find

    def on_mount(self) -> None:
        self._look_at(_TABS[0])
        self.poll(_LOOK_SECS, self._read)
        self.poll(_LOOK_SECS, self._inspect)

    def on_screen_suspend(self) -> None:
        for window in self._windows.values():
            window.sleep(asleep=True)

    def on_screen_resume(self) -> None:
        for window in self._windows.values():
            window.sleep(asleep=False)

    def beat(self) -> None:
        window = self.window
        if window:
            window.beat()
            if window.gone:
                self._gone()
        self._head.beat()
        self._tabs.beat()
        self.lines.beat()

    def signs(self) -> list[tuple[str, str]]:
        return [*SIGNS, *((sign, state) for state, sign in SYMBOLS.items())]

    @property
    def tab(self) -> str:
        """Its name."""
        return self._tabs.front

    @property
    def all_lines(self) -> Iterable[Lines]:
        """Those of every tab."""
        return self._lines.values()

    @property
    def lines(self) -> Lines:
        """Those of the tab in front."""
        return self._lines[self.tab]

    @property
    def window(self) -> Window | None:
        """What the tab in front looks through, if it shows events."""
        return self._windows.get(self.tab)

    def action_back(self) -> None:
        if not self._finding.end():
            self.dismiss()

    def action_leave(self) -> None:
        self.dismiss()

    def action_turn(self, by: int) -> None:
        self._look_at(self._tabs.turn(by))

    def action_unfold(self) -> None:
        self.lines.toggle()

    def action_choose(self, by: int) -> None:
        self.lines.choose(by)

    def action_unfold_all(self) -> None:
        if self.tab == "output" and self.window:
            self._unfolded = not self._unfolded
            self.window.reload()

    def action_find(self) -> None:
        self._find.edit()

    def action_again(self, by: int) -> None:
        self._finding.again(by)

    def action_cancel(self) -> None:
        if self.run:
            actions.confirm_cancel(self, self.run)

    def action_cancel_now(self) -> None:
        if self.run:
            actions.cancel_now(self, self.run)

    def action_rerun(self) -> None:
        if self.run:
            actions.rerun(self, self.run, self._opened)

    def action_rerun_elsewhere(self) -> None:
        if self.run:
            actions.rerun_elsewhere(self, self.run, self._opened)

    def action_copy(self) -> None:
        self._copying.tab(self.tab)

    def action_copy_curl(self) -> None:
        self._copying.curl()

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        self._look_at(event.name)

    def on_lines_toggled(self, event: Lines.Toggled) -> None:
        self.lines.toggle_row(event.number)

    def on_find_bar_wanted(self, event: FindBar.Wanted) -> None:
        self._finding.begin(event.text)

    def on_find_bar_left(self) -> None:
        self.lines.focus()

    def _look_at(self, name: str) -> None:
        self._finding.end()
        self._tabs.front = name
        self.query_one(ContentSwitcher).current = name
        self.lines.focus()
        self._open_window()
        self.call_later(self._hurry)
        self.beat()

    def _open_window(self) -> None:
        """Begin to read events, once it is known how many there are and a tab wants them."""
        name = self.tab
        if self.run is None or name not in _TABS[:2] or name in self._windows:
            return
        self._windows[name] = window = Window(
            self.monitor,
            self.run_id,
            self._transcript if name == "output" else EventList,
            lambda work: self.run_worker(work, group=f"window {name}", exclusive=True),
        )
        window.total = self.run.events
        self.lines.show(window)

    def _transcript(self, width: int) -> Transcript:
        return Transcript(width, self._dropped, self._unfolded)

    async def _read(self) -> None:
        """The run as it is now; once more after its end and that of what it left, and then no more."""
        if self._is_final:
            return
        try:
            self.run = run = await self.monitor.run(self.run_id)
        except RunNotFound:
            self._gone()
            return
        self._is_final = run.state.ended and not run.lingers_until
        for window in self._windows.values():
            window.total = max(window.total, run.events)
        self._open_window()
        self._sheets["request"].put(pages.request_page(run))
        self._sheets["explain"].put(pages.explain_page(run))
        if self._is_final:
            tail = run.exit.stderr_tail if run.exit else ""
            self._sheets["stderr"].put(pages.stderr_page(tail, live=False))
            self._sheets["processes"].put(pages.processes_page(run, ()))

    async def _hurry(self) -> None:
        """A tab was turned to: do not wait for the next look."""
        try:
            await self._inspect()
        except ClinvkError as error:
            self.board.lost(str(error))

    async def _inspect(self) -> None:
        """Look at its processes, where a tab shows what only that tells."""
        run = self.run
        if run is None or self._is_final or self.tab not in ("stderr", "processes"):
            return
        try:
            seen = await self.monitor.inspect(self.run_id)
        except RunNotFound:
            self._gone()
            return
        if self.run is run or not self._is_final:
            self._sheets["stderr"].put(pages.stderr_page(seen.stderr_tail, live=True))
            self._sheets["processes"].put(pages.processes_page(run, seen.processes))

    def _gone(self) -> None:
        if self.is_current:
            self.notify(f"There is no run {self.run_id} any more", severity="warning", markup=False)
            self.dismiss()

    def _opened(self, run: RunView) -> None:
        if self.is_current:
            self.app.switch_screen(RunScreen(run.id))

    def _status(self) -> str:
        said = self._finding.status
        window = self.window
        if said:
            return said
        if window is None:
            return ""
        if window.trouble:
            return f"⚠ {window.trouble}"
        if window.is_loading and not window.end:
            return "reading …"
        total = window.total
        count = f"{total if total < 100_000 else formats.count(total)} events"
        if window.follow:
            return f"▼ {'end' if self.run and self.run.state.ended else 'follows'}  {count}"
        return f"‖ {window.part(self.lines.top, self.lines.size.height)[1]:.0%} of {count}"
