"""Questions to the person at the console: answered by a letter, by arrows and Enter, or by a click."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, TypeVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Click, Key
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from tui.look import look_of
from tui.reading.wrapping import cells, visible
from tui.widgets.cells import clean

T = TypeVar("T")

_LABEL_WIDTH: Final = 16

_AGAIN_SECS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """One answer: the letter that gives it, what it says, what follows from it."""

    key: str
    label: str
    meaning: str
    value: T


class _Choices(Widget, Generic[T]):
    """The answers, one a line."""

    can_focus = True

    def __init__(self, choices: tuple[Choice[T], ...]) -> None:
        super().__init__()
        self.choices = choices
        self.cursor = 0
        self.styles.height = len(choices)

    def render_line(self, y: int) -> Strip:
        look = look_of(self)
        choice, width = self.choices[y], self.size.width
        here = y == self.cursor
        style = look.cursor if here else look.bar
        key = look.cursor if here else look.key
        pieces = [
            Segment(" ▸ " if here else "   ", style),
            Segment(choice.key, key),
            Segment(f"  {_padded(clean(choice.label))}", style),
            Segment(clean(choice.meaning), style if here else look.bar + look.muted),
        ]
        return Strip(pieces).adjust_cell_length(width, style)

    def move(self, by: int) -> None:
        """The answer before or after, round and round."""
        self.cursor = (self.cursor + by) % len(self.choices)
        self.refresh()


class Question(ModalScreen[T | None], Generic[T]):
    """A question with a few answers; Escape gives none. `cursor` is the answer that Enter gives first."""

    DEFAULT_CSS = """
    Question { align: center middle; }
    Question > Vertical {
        width: 72; max-width: 96%; height: auto; padding: 1 2; background: $panel; border: round $primary;
    }
    Question Static { padding-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k,shift+tab", "move(-1)", show=False),
        Binding("down,j,tab", "move(1)", show=False),
        Binding("enter", "take", show=False),
        Binding("escape,q", "dismiss", show=False),
        Binding("ctrl+c", "dismiss", show=False, priority=True),
    ]

    def __init__(self, title: str, question: str | Callable[[], str], choices: tuple[Choice[T], ...]) -> None:
        """`question` may change while it is read."""
        super().__init__()
        self._title = clean(title)
        self._question = question
        self._choices = _Choices(choices)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "↑↓ Enter, or the letter · Esc: nothing happens"
            yield Static(self._asked(), markup=False)
            yield self._choices

    def on_mount(self) -> None:
        self._choices.focus()
        if callable(self._question):
            self.set_interval(_AGAIN_SECS, self._ask_again)

    def on_key(self, event: Key) -> None:
        for choice in self._choices.choices:
            if event.character == choice.key:
                event.stop()
                self.dismiss(choice.value)

    def on_click(self, event: Click) -> None:
        widget, _ = self.get_widget_at(event.screen_x, event.screen_y)
        if widget is self._choices:
            self.dismiss(self._choices.choices[event.screen_y - widget.region.y].value)

    def _asked(self) -> str:
        return visible(self._question() if callable(self._question) else self._question)

    def _ask_again(self) -> None:
        asked, shown = self._asked(), self.query_one(Static)
        if shown.content != asked:
            shown.update(asked)

    def action_move(self, by: int) -> None:
        self._choices.move(by)

    def action_take(self) -> None:
        self.dismiss(self._choices.choices[self._choices.cursor].value)


def _padded(label: str) -> str:
    return label + " " * (_LABEL_WIDTH - cells(label))
