"""The runs screen."""

from textual.app import ComposeResult

from tui.screens.base import ConsoleScreen


class RunsScreen(ConsoleScreen):
    """To come."""

    TITLE = "Runs"

    def body(self) -> ComposeResult:
        return iter(())
