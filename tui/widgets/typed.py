"""A line in which is typed: it never has what would act on a terminal."""

from typing import Final

from textual.events import Paste
from textual.widgets import Input

from tui.widgets.cells import clean

_PASTED: Final = 4096
"""Characters of one paste: nobody looks for more."""


class TypedLine(Input):
    """What it shows is its value, and what is looked for. Lines that are pasted are joined: none submits."""

    def replace(self, text: str, start: int, end: int) -> None:
        """As ever, but clean first: where the cursor goes depends on the length."""
        super().replace(clean(text), start, end)

    def validate_value(self, value: str) -> str:
        """However it was set."""
        return clean(value)

    def _on_paste(self, event: Paste) -> None:
        event.prevent_default()  # Textual would take the first line only, even an empty one
        event.stop()
        self.replace(event.text[:_PASTED].strip("\r\n"), *self.selection)
