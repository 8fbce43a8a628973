"""The help: every key of the screen that asked for it, with what it does, and every sign."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from tui.console import Console


class Help(ModalScreen[None]):
    """Made from the bindings themselves, so that it cannot tell of a key that is not there."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll {
        width: 76; max-width: 96%; height: auto; max-height: 92%; padding: 1 2;
        background: $panel; border: round $primary;
    }
    Help Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", show=False),
        Binding("ctrl+c", "dismiss", show=False, priority=True),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, of: ConsoleScreen) -> None:
        super().__init__()
        self._of = of

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = f"Help: {self._of.TITLE}"
            box.border_subtitle = "Esc closes"
            yield Static(self._text())

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def _text(self) -> Text:
        look = cast("Console", self.app).look
        text = Text(self._of.INTRODUCTION)
        text.append("\n\n")
        for keys, meaning in described(self._of.active_bindings.values(), self.app.get_key_display):
            text.append(f"{keys:>16}  ", look.accent + look.strong)
            text.append(f"{meaning}\n")
        for sign, meaning in self._of.signs():
            text.append(f"{sign:>16}  ", look.strong)
            text.append(f"{meaning}\n", look.muted)
        return text


def described(active: Iterable[ActiveBinding], display: Callable[[Binding], str]) -> list[tuple[str, str]]:
    """Keys and what they do: those of one action together. What tells nothing of itself is no news."""
    keys: dict[str, list[str]] = {}
    for entry in active:
        meaning = entry.binding.tooltip or entry.binding.description
        if meaning and entry.enabled:
            keys.setdefault(meaning, []).append(display(entry.binding))
    return [(" ".join(dict.fromkeys(names)), meaning) for meaning, names in keys.items()]
