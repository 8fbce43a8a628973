"""The log screen."""

from textual.app import ComposeResult

from tui.screens.base import ConsoleScreen


class LogScreen(ConsoleScreen):
    """To come."""

    TITLE = "Log"

    def body(self) -> ComposeResult:
        return iter(())
