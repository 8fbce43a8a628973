"""The runs screen: every run of every API as it happens, and what can be done with one."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from clinvk.views import RunView
from tui import actions
from tui.lists.filters import Vocabulary
from tui.look import SYMBOLS
from tui.screens.listed import COPY_ID, FILTER, FILTER_OFF, FOLLOW, SORT, TURN, ListScreen
from tui.screens.run_columns import MARK, run_columns, run_vocabulary
from tui.widgets.columns import Cell, Column


class RunsScreen(ListScreen[RunView]):
    """The board's runs: those that live first, then the newest."""

    TITLE = "Runs"
    INTRODUCTION = "Every run of every API as it happens: live ones first, then the newest."
    NOUN = ("run", "runs")
    HINT = "words  state:live,failed  backend:  model:  key:  session:  dialect:  start:  is:marked  -not"
    SORTED_BY = "age"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", tooltip="Open the run: its output, events, request, processes"),
        FILTER,
        Binding("c", "cancel", "cancel", tooltip="Cancel the run, after a question"),
        Binding("C", "cancel_now", show=False, tooltip="Cancel the run at once"),
        Binding("r", "rerun", "rerun", tooltip="Start the same prompt once more"),
        Binding("R", "rerun_elsewhere", show=False, tooltip="Start the same prompt on a backend you choose"),
        FOLLOW,
        SORT,
        Binding("m", "mark", "mark", tooltip="Mark the run, or take its mark away; is:marked finds them"),
        COPY_ID,
        Binding("u", "copy_curl", show=False, tooltip="Copy the run's request as a curl command"),
        FILTER_OFF,
        TURN,
    ]

    def columns(self) -> Sequence[Column[RunView]]:
        return run_columns(lambda: self.board.now)

    def vocabulary(self) -> Vocabulary[RunView]:
        return run_vocabulary(self.board.marked)

    def rows(self) -> Mapping[str, RunView]:
        return self.board.runs

    def signs(self) -> list[tuple[str, str]]:
        states = [(symbol, state.value) for state, symbol in SYMBOLS.items()]
        return [*states, (MARK, "marked"), ("~12", "a guess from characters: tokens were not told yet")]

    def why_empty(self) -> Sequence[Cell]:
        look, status = self.look, self.board.status
        if status is None:
            return ((f"Waiting for the server. {self.board.trouble or ''}", look.muted),)
        return (
            ("No runs yet. Try one; the demo backend needs no login:", look.strong),
            ("", None),
            (f"curl {status.address}/api/v1/prompt \\", look.accent),
            ("  -H 'Content-Type: application/json' \\", look.accent),
            ("""  -d '{"backend": "demo", "prompt": "hello world"}'""", look.accent),
            ("", None),
            ("u copies the command.", look.muted),
        )

    def detail(self) -> Cell:
        run = self.current
        if run is None or run.error is None:
            return "", None
        return f"{SYMBOLS[run.state]} {run.error.code}: {run.error.message}", self.look.state(run.state)

    def action_open(self) -> None:
        if run := self.chosen:
            self.open_run(run.id)

    def action_mark(self) -> None:
        run = self.chosen
        if run:
            self.board.mark(run.id)
            self.listing.touch(run.id)
            self.beat()

    def action_cancel(self) -> None:
        if run := self.chosen:
            actions.confirm_cancel(self, run)

    def action_cancel_now(self) -> None:
        if self.current and self.grid.chosen:
            actions.cancel_now(self, self.current)
        else:  # nobody put the cursor there: a run may have come below it just now
            self.action_cancel()

    def action_rerun(self) -> None:
        if self.current:
            actions.rerun(self, self.current, self._show)

    def action_rerun_elsewhere(self) -> None:
        if self.current:
            actions.rerun_elsewhere(self, self.current, self._show)

    def action_copy_curl(self) -> None:
        if self.current:
            self.do(partial(self._copy_curl, self.current))
        elif not self.listing.total:
            self.console.copy("\n".join(text for text, _ in self.why_empty()[2:5]), "the command")

    def _show(self, run: RunView) -> None:
        """The cursor goes to a run that was just begun."""
        self.beat()
        self.grid.put_cursor(run.id)

    async def _copy_curl(self, run: RunView) -> None:
        whole = await self.monitor.run(run.id)
        if whole.request_as_curl:
            self.console.copy(whole.request_as_curl, "the request as curl")
        else:
            self.tell("The request of this run was not kept")
