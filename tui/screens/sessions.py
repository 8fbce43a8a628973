"""The sessions screen."""

from textual.app import ComposeResult

from tui.screens.base import ConsoleScreen


class SessionsScreen(ConsoleScreen):
    """To come."""

    TITLE = "Sessions"

    def body(self) -> ComposeResult:
        return iter(())
