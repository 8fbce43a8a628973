"""Find, next and previous on a screen of lines: in the whole run where the lines are events, else on the page."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual.worker import Worker

from clinvk.domain.errors import ClinvkError
from tui.reading.roll import Place
from tui.reading.rows import Sheet
from tui.reading.search import Search

if TYPE_CHECKING:
    from tui.screens.run import RunScreen


class Finding:
    """What is looked for on one run's screen. `status` says how far that is."""

    def __init__(self, screen: "RunScreen") -> None:
        self._screen = screen
        self._wanted = ""
        self._match: Place | None = None
        self._worker: Worker[None] | None = None
        self.status = ""

    def begin(self, wanted: str) -> None:
        """Look for it from the first row in sight."""
        self.end()
        lines = self._screen.lines
        lines.wanted = self._wanted = wanted
        lines.rows.marked = None
        if wanted:
            self.again(1)

    def again(self, by: int) -> None:
        """The next match, or with -1 the one before."""
        if not self._wanted:
            self._screen.action_find()
            return
        self._stop()
        rows = self._screen.lines.rows
        if self._screen.window:
            self._worker = self._screen.run_worker(partial(self._search, by), group="search", exclusive=True)
        elif isinstance(rows, Sheet) and not rows.find(self._wanted, by):
            self._nothing(by)

    def end(self) -> bool:
        """Stop, and take the marks away. Whether there was anything to stop or to take away."""
        if self._stop():
            return True
        was = bool(self._wanted)
        self._wanted, self._match = "", None
        for lines in self._screen.all_lines:
            lines.wanted = ""
            lines.rows.marked = None
        return was

    def _stop(self) -> bool:
        worker, self._worker, self.status = self._worker, None, ""
        if worker is None or worker.is_finished:
            return False
        worker.cancel()
        return True

    async def _search(self, by: int) -> None:
        window = self._screen.window
        if window is None:
            return
        here = window.place(self._screen.lines.top)
        search = Search(self._screen.monitor, self._screen.run_id, self._wanted, self._progress)
        try:
            if by > 0:
                before = Place(here.key, here.offset - 1)
                found = await search.forward(self._match or before, window.total)
            else:
                found = await search.backward(self._match or here, window.total)
        except ClinvkError as error:
            self._screen.notify(str(error), severity="error", markup=False)
            found = None
        except asyncio.CancelledError:
            self._screen.notify("The search was stopped", timeout=2)
            raise
        self.status = ""
        if found is None:
            self._nothing(by)
        elif self._screen.window is window:
            self._match = found
            window.to_place(found, self._wanted)

    def _progress(self, seq: int) -> None:
        window = self._screen.window
        whole = max(1, window.total if window else 1)
        self.status = f"… finding “{self._wanted[:20]}” {min(1.0, seq / whole):.0%}  Esc stops"

    def _nothing(self, by: int) -> None:
        where = "to the end" if by > 0 else "back to the beginning"
        self._screen.notify(f"“{self._wanted}” is not found from here {where}", timeout=3, markup=False)
