"""The backends screen."""

from textual.app import ComposeResult

from tui.screens.base import ConsoleScreen


class BackendsScreen(ConsoleScreen):
    """To come."""

    TITLE = "Backends"

    def body(self) -> ComposeResult:
        return iter(())
