"""The line in which is typed what to look for. It is there only while it is needed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tui.widgets.typed import TypedLine


class FindBar(Widget):
    """Recalls what was looked for last: Enter looks for it, Escape leaves it."""

    DEFAULT_CSS = """
    FindBar { height: 1; display: none; layout: horizontal; background: $surface; }
    FindBar.-typing { display: block; }
    FindBar Input, FindBar Input:focus { height: 1; border: none; padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab,shift+tab", "leave", show=False),
    ]

    class Wanted(Message):
        """This is to be looked for. Empty: nothing is any more."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """Nothing is typed any more."""

    def __init__(self) -> None:
        super().__init__()
        self._input = TypedLine(placeholder="/ find, upper and lower case alike", compact=True)
        self._input.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield self._input

    def edit(self) -> None:
        """Ask what to look for."""
        self.add_class("-typing")
        self._input.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_leave()
        self.post_message(self.Wanted(event.value))

    def action_leave(self) -> None:
        self.remove_class("-typing")
        self.post_message(self.Left())
