"""The requests screen."""

from textual.app import ComposeResult

from tui.screens.base import ConsoleScreen


class RequestsScreen(ConsoleScreen):
    """To come."""

    TITLE = "Requests"

    def body(self) -> ComposeResult:
        return iter(())
