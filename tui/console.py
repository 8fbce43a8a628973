"""The console itself: its screens, the keys that hold everywhere, and how it is left."""

import os
from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar, Final

from textual.app import App, ScreenStackError, SystemCommand, UnknownModeError
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.worker import Worker

from clinvk.clock import Clock, SystemClock
from clinvk.monitor import Monitor
from tui.board import Board
from tui.dialogs import Choice, Question
from tui.feed import Feed
from tui.help import Help
from tui.look import DARK, LIGHT, Look
from tui.reading.wrapping import visible
from tui.screens.backends import BackendsScreen
from tui.screens.base import ConsoleScreen
from tui.screens.log import LogScreen
from tui.screens.requests import RequestsScreen
from tui.screens.runs import RunsScreen
from tui.screens.sessions import SessionsScreen
from tui.widgets.cells import clean
from tui.widgets.header import SCREENS, Header

_BEAT_SECS: Final = 0.1
_PALETTE: Final = "Every command, by its name"
_TABS: Final = ", ".join(title for _, title in SCREENS)


class Leave(StrEnum):
    """What becomes of the server when its console is left."""

    HEADLESS = "headless"
    DRAIN = "drain"
    STOP = "stop"


class Console(App[Leave]):
    """One person's view of one server. With `owns_server` it asks at its end what becomes of the server, and gives
    the answer as its result; without, it is just left.
    """

    TITLE = "clinvk"
    CSS_PATH = "console.tcss"
    MODES: ClassVar = {
        "runs": RunsScreen,
        "sessions": SessionsScreen,
        "backends": BackendsScreen,
        "requests": RequestsScreen,
        "log": LogScreen,
    }
    DEFAULT_MODE = "runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"switch_mode('{name}')", title, show=False, tooltip=_TABS)
            for number, (name, title) in enumerate(SCREENS, 1)
        ),
        Binding("q", "leave", "quit", tooltip="Leave the console; asks what becomes of the server"),
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("colon", "command_palette", show=False, tooltip=_PALETTE),
        Binding("ctrl+p", "command_palette", show=False, tooltip=_PALETTE),
        Binding("ctrl+t", "other_theme", show=False, tooltip="Light or dark"),
        Binding("ctrl+z", "stay", show=False),
    ]

    def __init__(self, monitor: Monitor, *, owns_server: bool, clock: Clock | None = None) -> None:
        no_color = os.environ.get("NO_COLOR")
        super().__init__()
        if no_color is not None:  # Textual takes it away, and the environment is the server's
            os.environ["NO_COLOR"] = no_color
        self.monitor = monitor
        self.board = Board(clock or SystemClock())
        self.feed = Feed(monitor, self.board)
        self.look = Look.of(DARK)
        self._owns_server = owns_server
        self._drawn = (-1, -1)
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self._feeding: Worker[None] = self.run_worker(self.feed.run, name="feed")
        self.set_interval(_BEAT_SECS, self._beat)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """For the palette: every key that can be pressed here, by what it does."""
        by_action = {entry.binding.action: entry for entry in reversed(screen.active_bindings.values())}
        for entry in reversed(by_action.values()):
            binding = entry.binding
            meaning = binding.tooltip or binding.description
            if entry.enabled and meaning and binding.action != "command_palette":
                yield SystemCommand(
                    (binding.description or meaning).capitalize(),
                    f"{self.get_key_display(binding)}: {meaning}",
                    lambda entry=entry: self.run_action(entry.binding.action, default_namespace=entry.node),
                )

    def clear_selection(self) -> None:
        """As ever; without a screen there is no selection. With eager tasks a field is there before its screen."""
        try:
            super().clear_selection()
        except (ScreenStackError, UnknownModeError):
            return

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a line for some seconds. What a server says is text, whatever brackets and controls it has."""
        super().notify(visible(message), title=clean(title), severity=severity, timeout=timeout, markup=markup)

    def action_help(self) -> None:
        """Show the help of the screen in front."""
        if isinstance(self.screen, ConsoleScreen):
            self.push_screen(Help(self.screen))

    def action_stay(self) -> None:
        """Ctrl-Z would stop the server, and every stream with it."""
        self.notify("Ctrl-Z would stop the server too. Leave with q, or use another terminal.", severity="warning")

    def action_other_theme(self) -> None:
        """From dark to light and back."""
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name

    async def action_copy_or_leave(self) -> None:
        """What Ctrl-C is for depends on whether something is selected."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy(selected, "the selection")
        else:
            await self.run_action("app.leave")

    def action_leave(self) -> None:
        """Leave, and ask what becomes of the server if it is ours."""
        if not self._owns_server:
            self.exit()
        elif not isinstance(self.screen, Question):
            self.push_screen(Question("Leave the console", self._what_is_live, _LEAVING), self._left)

    def copy(self, text: str, what: str) -> None:
        """Put `text` on the clipboard, and say so."""
        self.copy_to_clipboard(text)
        self.notify(f"Copied {what}", timeout=2)

    def _what_is_live(self) -> str:
        status = self.board.status
        if status is None or not (status.live or status.queued):
            return "Nothing is running. What becomes of the server?"
        return f"{status.live} live and {status.queued} queued runs. What becomes of the server?"

    def _left(self, leave: Leave | None) -> None:
        if leave is not None:
            self.exit(leave)

    def _beat(self) -> None:
        """Redraw the screen in front, where something changed. Ages change by the second."""
        try:
            screen = self.screen
        except (ScreenStackError, UnknownModeError):  # there is none yet, or none any more
            return
        if not isinstance(screen, ConsoleScreen) or not screen.is_running:
            return
        screen.beat()
        drawn = (self.board.version, int(self.board.now))
        if drawn != self._drawn:
            self._drawn = drawn
            for header in screen.query(Header):
                header.refresh()

    def _theme_changed(self, _: object) -> None:
        self.look = Look.of(self.current_theme)
        self.refresh(layout=False)


_LEAVING = (
    Choice("h", "Stay headless", "the server goes on without a console", Leave.HEADLESS),
    Choice("d", "Drain", "take no more, end when live runs have ended", Leave.DRAIN),
    Choice("s", "Stop all", "stop every run and end now", Leave.STOP),
)
