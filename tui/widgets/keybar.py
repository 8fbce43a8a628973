"""The line at the bottom: the keys of the screen, as many as fit. They can be clicked."""

from collections.abc import Mapping
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import ActiveBinding
from textual.events import Click
from textual.strip import Strip
from textual.widget import Widget

from tui.look import look_of

_HELP: Final = "app.help"


class KeyBar(Widget):
    """Help stands at the right end always: what had no room is there."""

    DEFAULT_CSS = "KeyBar { height: 1; dock: bottom; }"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[int, int, ActiveBinding]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  there is one line
        look = look_of(self)
        shown = shown_bindings(self.screen.active_bindings)
        last = [piece for entry in shown if entry.binding.action == _HELP for piece in self._pieces(entry)]
        room = self.size.width - _length(last)
        segments: list[Segment] = []
        self._places = []
        for entry in shown:
            pieces = self._pieces(entry)
            start = _length(segments)
            if entry.binding.action == _HELP:
                self._places.append((room, self.size.width, entry))
            elif start + _length(pieces) <= room:
                self._places.append((start, start + _length(pieces), entry))
                segments += pieces
        return Strip.join([Strip(segments).adjust_cell_length(room, look.bar), Strip(last)])

    async def on_click(self, event: Click) -> None:
        for start, end, entry in self._places:
            if start <= event.x < end:
                await self.app.run_action(entry.binding.action, default_namespace=entry.node)

    def _pieces(self, entry: ActiveBinding) -> list[Segment]:
        look = look_of(self)
        key = self.app.get_key_display(entry.binding)
        return [Segment(f" {key}", look.key), Segment(f" {entry.binding.description} ", look.bar)]


def shown_bindings(active: Mapping[str, ActiveBinding]) -> list[ActiveBinding]:
    """Those that say that they are shown and can be used, each action once."""
    found: dict[str, ActiveBinding] = {}
    for entry in active.values():
        if entry.binding.show and entry.enabled:
            found.setdefault(entry.binding.action, entry)
    return list(found.values())


def _length(pieces: list[Segment]) -> int:
    return sum(cell_len(piece.text) for piece in pieces)
