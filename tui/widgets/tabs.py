"""The line of tabs over what a screen shows, and at its right end how that stands."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.look import look_of
from tui.reading.wrapping import crop


class TabLine(Widget):
    """Says which tab is in front; `status` gives what stands on the right."""

    DEFAULT_CSS = "TabLine { height: 1; }"
    ALLOW_SELECT: ClassVar[bool] = False

    class Chosen(Message):
        """This tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, names: Sequence[str], status: Callable[[], str]) -> None:
        super().__init__()
        self.front = names[0]
        self._names = names
        self._status = status
        self._drawn = ("", "")
        self._places: list[tuple[int, int, str]] = []

    def turn(self, by: int) -> str:
        """The tab so many further on, round and round."""
        return self._names[(self._names.index(self.front) + by) % len(self._names)]

    def beat(self) -> None:
        """Redraw if it says something else."""
        now = (self.front, self._status())
        if now != self._drawn:
            self._drawn = now
            self.refresh(layout=False)

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  there is one line
        look = look_of(self)
        left: list[Segment] = []
        self._places, x = [], 0
        for name in self._names:
            here = name == self.front
            text = f"{'▸' if here else ' '}{name} "
            style = look.cursor if here else look.bar + look.muted
            left.append(Segment(text, style))
            self._places.append((x, x + cell_len(text), name))
            x += cell_len(text)
        status = crop(self._status(), max(0, self.size.width - x - 2))
        end = Strip([Segment(f" {status} ", look.bar + Style(bold=True))])
        start = Strip(left).adjust_cell_length(max(x, self.size.width - end.cell_length), look.bar)
        return Strip.join([start, end]).adjust_cell_length(self.size.width, look.bar)

    def on_click(self, event: Click) -> None:
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))
