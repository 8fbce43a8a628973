"""The log screen: what the server itself has to say."""

import asyncio
from contextlib import aclosing
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.worker import Worker

from clinvk.domain.errors import ClinvkError
from tui.reading.loglist import LEVELS, SIGNS, LogList
from tui.screens.base import ConsoleScreen
from tui.widgets.findbar import FindBar
from tui.widgets.lines import Lines
from tui.widgets.tabs import TabLine

_RETRY_SECS: Final = 1.0


class LogScreen(ConsoleScreen):
    """The newest lines of the server's log, and those that come."""

    TITLE = "Log"
    INTRODUCTION = (
        "The server's own log, the newest two thousand lines of it. Prompts and answers are never in it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "level", "level", tooltip="Show warnings and above, errors alone, or all again"),
        Binding("slash", "find", "find", tooltip="Find from here on"),
        Binding("n", "again(1)", show=False, tooltip="The next match"),
        Binding("N", "again(-1)", show=False, tooltip="The match before"),
        Binding("escape", "no_more", show=False, tooltip="Take the marks of the search away"),
        Binding("y", "copy", "copy", tooltip="Copy the lines that are shown"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._list = LogList()
        self._title = TabLine(("log",), self._status)
        self._lines = Lines(self._list)
        self._bar = FindBar()
        self._seen = 0

    def body(self) -> ComposeResult:
        yield self._title
        yield self._lines
        yield self._bar

    def on_mount(self) -> None:
        self._lines.focus()
        self._following: Worker[None] = self.run_worker(self._follow, group="log")

    def beat(self) -> None:
        self._list.beat()
        self._lines.beat()
        self._title.beat()

    def signs(self) -> list[tuple[str, str]]:
        return [*((sign, level) for level, sign in SIGNS.items()), ("▶", "the match that was found")]

    def action_level(self) -> None:
        self._list.at_least(LEVELS[(LEVELS.index(self._list.level) + 1) % len(LEVELS)])
        self.beat()

    def action_find(self) -> None:
        self._bar.edit()

    def action_again(self, by: int) -> None:
        wanted = self._lines.wanted
        if not wanted:
            self._bar.edit()
        elif not self._list.find(wanted, by, self._lines.top):
            where = "to the end" if by > 0 else "back to the beginning"
            self.notify(f"“{wanted}” is not found from here {where}", timeout=3, markup=False)

    def action_no_more(self) -> None:
        self._lines.wanted, self._list.marked = "", None

    def action_copy(self) -> None:
        rows = (self._list.row(number) for number in range(self._list.base, self._list.end))
        self.console.copy("".join(row.text + ("" if row.soft else "\n") for row in rows), "the log")

    def on_find_bar_wanted(self, event: FindBar.Wanted) -> None:
        self.action_no_more()
        self._lines.wanted = event.text
        if event.text:
            self.action_again(1)

    def on_find_bar_left(self) -> None:
        self._lines.focus()

    async def _follow(self) -> None:
        while True:
            try:
                async with aclosing(self.monitor.log(self._seen)) as batches:
                    async for batch in batches:
                        self._list.put(batch)
                        self._seen = batch[-1].seq + 1
            except ClinvkError as error:
                self.board.lost(str(error))
            await asyncio.sleep(_RETRY_SECS)

    def _status(self) -> str:
        shown = "all levels" if self._list.level == LEVELS[0] else f"{self._list.level} and above"
        follows = "▼ follows" if self._list.follow else "‖ stays"
        return f"{shown}  {self._list.count} lines  {follows}"
