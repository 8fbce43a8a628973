"""The two lines on top: which server, how busy it is, and the screens there are."""

from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.strip import Strip
from textual.widget import Widget

from clinvk.views import Pulse, Status
from tui import formats

if TYPE_CHECKING:
    from tui.console import Console

SCREENS: Final = (
    ("runs", "Runs"),
    ("sessions", "Sessions"),
    ("backends", "Backends"),
    ("requests", "Requests"),
    ("log", "Log"),
)
"""The screens that a number leads to, in that order."""
_RECENT_SECS: Final = 10
_NARROW: Final = 100


class Header(Widget):
    """Draws itself: nothing here is laid out anew when a number changes."""

    DEFAULT_CSS = "Header { height: 2; dock: top; }"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self._tabs: list[tuple[int, int, str]] = []

    @property
    def console(self) -> "Console":
        return cast("Console", self.app)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        left, right = self._first() if y == 0 else self._second()
        return _spread(left, right, width, self.console.look.bar)

    def on_click(self, event: Click) -> None:
        for start, end, name in self._tabs:
            if event.y == 1 and start <= event.x < end:
                self.console.switch_mode(name)

    def _first(self) -> tuple[list[Segment], list[Segment]]:
        board, look = self.console.board, self.console.look
        status = board.status
        left = [Segment(" clinvk ", look.bar + look.accent + look.strong)]
        if status is None:
            room = self.size.width - Strip(left).cell_length
            return left, [_trouble(board.trouble, look.bar + look.warning, room)] if board.trouble else []
        left.append(Segment(f"{status.version}  ", look.bar))
        left.append(Segment(status.address, look.bar + look.strong))
        if self.size.width >= _NARROW:
            left.append(Segment(f"  up {formats.uptime(status.uptime_secs)}", look.bar + look.muted))
        if board.trouble:
            room = self.size.width - Strip(left).cell_length - 1
            why = board.trouble.removeprefix(status.address).strip()
            return left, [_trouble(why, look.bar + look.bad, room)]
        return left, [Segment(text, look.bar + style) for text, style in self._load(status)]

    def _load(self, status: Status) -> list[tuple[str, Style]]:
        look = self.console.look
        parts = [("draining  ", look.warning)] if status.draining else []
        if status.store.failure:
            parts.append(("store fails  ", look.bad))
        if not status.keeps_content and self.size.width >= _NARROW:
            parts.append(("nothing kept  ", look.warning))
        busy = look.accent if status.live else look.muted
        parts.append((f"● {status.live} live", busy + look.strong))
        parts.append((f" of {status.limit}  ", look.muted))
        parts.append((f"○ {status.queued} queued ", look.warning if status.queued else look.muted))
        return parts

    def _second(self) -> tuple[list[Segment], list[Segment]]:
        look = self.console.look
        left, self._tabs, x = [], [], 0
        for number, (name, title) in enumerate(SCREENS, 1):
            here = self.console.current_mode == name
            style = look.bar + (look.strong + look.accent + Style(underline=True) if here else look.muted)
            pieces = [Segment(f" {number}", look.key), Segment(" ", look.bar), Segment(title, style)]
            length = sum(cell_len(piece.text) for piece in pieces)
            self._tabs.append((x, x + length, name))
            left += pieces
            x += length
        status = self.console.board.status
        return left, self._pulse(status.pulse, self.size.width - x) if status else []

    def _pulse(self, pulse: Pulse, room: int) -> list[Segment]:
        """Requests a second, the share that failed, and how late the loop is; the past in what room is left."""
        look, wide = self.console.look, self.size.width >= _NARROW
        recent, failed = sum(pulse.requests[-_RECENT_SECS:]), sum(pulse.failures[-_RECENT_SECS:])
        share = failed / recent if recent else 0.0
        late = pulse.loop_lag_ms
        parts = [
            (f" {recent / _RECENT_SECS:.1f}/s", look.plain),
            (f"  {'errors ' if wide else '✗'}{formats.percent(share)}", look.bad if failed else look.muted),
            (f"  {'loop ' if wide else '↻'}{late:.0f}ms ", look.bad if late > 100 else look.muted),
        ]
        past = pulse.requests[-max(1, room - sum(cell_len(text) for text, _ in parts) - 2) :]
        parts.insert(0, (formats.sparkline(past), look.accent))
        return [Segment(text, Style.combine([style, look.bar_ground])) for text, style in parts]


def _trouble(why: str, style: Style, room: int) -> Segment:
    told = f" ⚠ {why} "
    return Segment(
        told if cell_len(told) <= room else set_cell_size(told, room - 2) + "… ", style + Style(bold=True)
    )


def _spread(left: list[Segment], right: list[Segment], width: int, style: Style) -> Strip:
    """`left` and `right` at the two ends of a line; where there is no room for both, `right` keeps its own."""
    end = Strip(right)
    room = max(0, width - end.cell_length)
    return Strip.join([Strip(left).adjust_cell_length(room, style), end]).adjust_cell_length(width, style)
