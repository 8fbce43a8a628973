"""The help: every key of the screen that asked for it, with what it does, and every sign."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.look import look_of
from tui.screens.base import ConsoleScreen


class Help(ModalScreen[None]):
    """Made from the bindings themselves, so that it cannot tell of a key that is not there."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll {
        width: 84; max-width: 98%; height: auto; max-height: 92%; padding: 1 2;
        scrollbar-size-vertical: 1; background: $panel; border: round $primary;
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
            yield Static(self._of.INTRODUCTION + "\n", markup=False)
            yield Static(self._table())

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def _table(self) -> Table:
        """Keys of this screen first, then how to move in it, then what holds everywhere, then the signs."""
        look = look_of(self)
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", no_wrap=True)
        table.add_column()
        parts: list[list[ActiveBinding]] = [[], [], []]
        for entry in self._of.active_bindings.values():
            parts[self._part(entry)].append(entry)
        for part in parts:
            for keys, meaning in described(part, self.app.get_key_display):
                table.add_row(Text(keys, look.accent + look.strong), Text(meaning))
            table.add_row()
        for sign, meaning in self._of.signs():
            table.add_row(Text(sign, look.strong), Text(meaning, look.muted))
        return table

    def _part(self, entry: ActiveBinding) -> int:
        if entry.node is self.app or entry.binding.action.startswith("app."):
            return 2
        return 0 if entry.node is self._of else 1


def described(active: Iterable[ActiveBinding], display: Callable[[Binding], str]) -> list[tuple[str, str]]:
    """Keys and what they do: those of one action together. What tells nothing of itself is no news."""
    keys: dict[str, list[str]] = {}
    for entry in active:
        meaning = entry.binding.tooltip or entry.binding.description
        if meaning and entry.enabled:
            keys.setdefault(meaning, []).append(display(entry.binding))
    return [(" ".join(dict.fromkeys(names)), meaning) for meaning, names in keys.items()]
