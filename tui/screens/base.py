"""What every screen of the console has: header, body, keys, and a beat to redraw by."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import Worker

from clinvk.domain.errors import ClinvkError
from clinvk.monitor import Monitor
from tui.board import Board
from tui.look import Look
from tui.widgets.header import Header
from tui.widgets.keybar import KeyBar

if TYPE_CHECKING:
    from tui.console import Console


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """One of the console's screens. Subclasses give `body` and take the beat.

    A binding's `description` is what the key bar shows, its `tooltip` what the help says; `show=False` keeps it to
    the help.
    """

    TITLE: ClassVar[str] = ""
    INTRODUCTION: ClassVar[str] = ""
    """What this screen is, for its help."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "question_mark", "app.help", "help", key_display="?", tooltip="These keys, and what the signs mean"
        ),
        Binding("ctrl+c", "app.copy_or_leave", show=False, tooltip="Copy what is selected; if nothing is: as q"),
    ]

    def compose(self) -> ComposeResult:
        yield Header()
        yield from self.body()
        yield KeyBar()

    def body(self) -> ComposeResult:
        """What stands between header and keys."""
        raise NotImplementedError

    def beat(self) -> None:
        """Called ten times a second while this screen is in front: redraw what has changed, and nothing else."""

    def signs(self) -> list[tuple[str, str]]:
        """Signs that are no keys, for the help: what it looks like, what it means."""
        return []

    @property
    def console(self) -> "Console":
        return cast("Console", self.app)

    @property
    def board(self) -> Board:
        return self.console.board

    @property
    def monitor(self) -> Monitor:
        return self.console.monitor

    @property
    def look(self) -> Look:
        return self.console.look

    def poll(self, every_secs: float, read: Callable[[], Awaitable[None]]) -> None:
        """Call `read` now, and every so many seconds while this screen is in front. The header tells trouble."""

        async def carefully() -> None:
            try:
                await read()
            except ClinvkError as error:
                self.board.lost(str(error))

        def again() -> None:
            if self.is_current:
                self._reading: Worker[None] = self.run_worker(carefully, group=f"poll {read!r}", exclusive=True)

        again()
        self.set_interval(every_secs, again)
