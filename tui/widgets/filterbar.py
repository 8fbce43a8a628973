"""The line below a list: what is filtered, and how much of it there is; where a filter is typed."""

from collections.abc import Callable
from typing import ClassVar, Final

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from tui.look import look_of
from tui.widgets.cells import clean
from tui.widgets.columns import Cell
from tui.widgets.typed import TypedLine

_APPLY_SECS: Final = 0.1


class _Line(Widget):
    """What the bar says, drawn."""

    DEFAULT_CSS = "_Line { height: 1; }"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, says: Callable[[], tuple[list[Segment], list[Segment]]]) -> None:
        super().__init__()
        self.says = says

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  there is one line
        ground = look_of(self).bar
        left, right = self.says()
        end = Strip(right)
        room = max(0, self.size.width - end.cell_length)
        return Strip.join([Strip(left).adjust_cell_length(room, ground), end.crop(0, self.size.width)])


class _Typed(TypedLine):
    """Where it is typed. Its keys are told, as they are on any screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "keep", tooltip="Keep the filter"),
        Binding("escape", "give_up", "give up", tooltip="The filter is again what it was"),
    ]

    def action_give_up(self) -> None:
        assert isinstance(self.parent, FilterBar)
        self.parent.give_up()


class FilterBar(Widget):
    """Recalls what was typed last. Changes are told soon, so that they can be seen while it is typed.

    `summary` says how much is shown, `detail` what else there is room for; `fault` is what is wrong with the
    filter, for as long as it is.
    """

    DEFAULT_CSS = """
    FilterBar { height: auto; }
    FilterBar Input, FilterBar Input:focus {
        height: 1; border: none; padding: 0 1; background: $surface; display: none;
    }
    FilterBar.-typing Input { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "keep", show=False),
    ]

    class Changed(Message):
        """Another filter holds now: `text`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """Nothing is typed any more."""

    def __init__(self, summary: Callable[[], str], detail: Callable[[], Cell], hint: str) -> None:
        super().__init__()
        self.text = ""
        self.off = False
        self.fault = ""
        self._summary = summary
        self._detail = detail
        self._hint = hint
        self._before = ("", False)
        self._said = ""
        self._applying: Timer | None = None
        self._line = _Line(self._says)
        self._input = _Typed(placeholder=hint, select_on_focus=False, compact=True)
        self._input.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield self._line
        yield self._input

    @property
    def typing(self) -> bool:
        return self.has_class("-typing")

    def redraw(self) -> None:
        """Draw the summary anew if it changed."""
        said = f"{self._summary()}\n{self._detail()[0]}\n{self.fault}\n{self.text}{self.off}{self.typing}"
        if said != self._said:
            self._said = said
            self._line.refresh()

    def edit(self) -> None:
        """Type a filter, beginning with the one there is."""
        self._before = (self.text, self.off)
        with self._input.prevent(Input.Changed):
            self._input.value = self.text
        self._input.cursor_position = len(self.text)
        self.add_class("-typing")
        self._input.focus()
        self.redraw()

    def set(self, text: str, *, off: bool = False) -> None:
        """Another filter, not typed here."""
        if self._applying:
            self._applying.stop()
            self._applying = None
        self.text, self.off = clean(text), off
        self.post_message(self.Changed("" if off else self.text))
        self.redraw()

    def toggle(self) -> None:
        """Switch the filter off, or on again."""
        if self.text:
            self.set(self.text, off=not self.off)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.typing and not self._applying:  # to filter at each key of a fast hand would be in its way
            self._applying = self.set_timer(_APPLY_SECS, self._apply)

    def _apply(self) -> None:
        if self.typing:
            self.set(self._input.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_keep()

    def on_click(self, _: Click) -> None:
        if not self.typing:
            self.edit()

    def action_keep(self) -> None:
        """What was typed holds; what cannot be read is to be mended first."""
        if self._applying:
            self._apply()
            self.call_later(self.screen.call_later, self._keep)  # once the screen has said what is wrong with it
        else:
            self._keep()

    def _keep(self) -> None:
        if not self.fault and self.typing:
            self._leave()

    def give_up(self) -> None:
        """As if nothing had been typed."""
        text, off = self._before
        self.set(text, off=off)
        self._leave()

    def _leave(self) -> None:
        self.remove_class("-typing")
        self.post_message(self.Left())
        self.redraw()

    def _says(self) -> tuple[list[Segment], list[Segment]]:
        look = look_of(self)
        right = [Segment(f" {self._summary()} ", look.bar + look.muted)]
        if self.fault:
            return [
                Segment(f" ⚠ {clean(self.fault)}", look.bar + look.bad + look.strong)
            ], right if not self.typing else []
        if self.typing:
            return [Segment(f" {self._hint}", look.bar + look.muted)], right
        return [*self._filter(), *self._details()], right

    def _filter(self) -> list[Segment]:
        look = look_of(self)
        if not self.text:
            return []
        if self.off:
            return [Segment(f" filter off: {clean(self.text)} ", look.bar + look.muted)]
        return [Segment(f" filter: {clean(self.text)} ", look.bar + look.accent + look.strong)]

    def _details(self) -> list[Segment]:
        text, style = self._detail()
        ground = look_of(self).bar
        return [Segment(f" {clean(text)}", ground + style if style else ground)]
