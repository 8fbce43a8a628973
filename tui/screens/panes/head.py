"""The lines on top of a run's screen: what it is, how it stands, what it takes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from clinvk.views import RunView
from tui import formats
from tui.look import SYMBOLS, Look
from tui.reading.wrapping import cells, crop, one_line

if TYPE_CHECKING:
    from tui.console import Console

Part = tuple[str, Style]
_GAP: Final = "  "


class RunHead(Widget):
    """Three lines. `run` is None until the run is known."""

    DEFAULT_CSS = "RunHead { height: 3; }"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, run: Callable[[], RunView | None]) -> None:
        super().__init__()
        self._run = run
        self._drawn: tuple[object, ...] = ()

    def beat(self) -> None:
        """Redraw if the run changed, or is a second older."""
        run, now = self._run(), cast("Console", self.app).board.now
        drawn = (run, int(now) if run and (run.lingers_until or not run.state.ended) else 0)
        if drawn != self._drawn:
            self._drawn = drawn
            self.refresh(layout=False)

    def render_line(self, y: int) -> Strip:
        console = cast("Console", self.app)
        run, look = self._run(), console.look
        if run is None:
            return Strip.blank(self.size.width, look.plain)
        lines = (first(run, look), second(run, console.board.now, look), third(run, look))
        return _line(lines[y], self.size.width, look)


def first(run: RunView, look: Look) -> list[Part]:
    """State, id, backend, model, dialect, session."""
    parts = [
        (f"{SYMBOLS[run.state]} {run.state}", look.state(run.state) + look.strong),
        (run.id, look.strong),
        (run.backend, look.accent),
    ]
    parts += [(one_line(run.model), look.plain)] if run.model else []
    parts += [(run.dialect, look.muted)]
    parts += [(f"{run.start} start", look.muted)] if run.start else []
    parts += [(_where(run), look.muted)] if _where(run) else []
    return parts


def second(run: RunView, now: float, look: Look) -> list[Part]:
    """Times, tokens, what its processes take."""
    age = now - formats.seconds(run.created_at)
    ran = f"ran {_long(run.duration_ms / 1000)}" if run.duration_ms is not None else ""
    parts = [(ran or f"for {formats.uptime(max(0, age))}", look.plain)]
    parts += [(f"queued {formats.duration(run.queued_ms / 1000)}", look.muted)]
    if run.queue_position is not None:
        parts.append((f"{run.queue_position} before it", look.warning))
    if run.first_output_ms is not None:
        parts.append((f"first output {formats.duration(run.first_output_ms / 1000)}", look.muted))
    parts += [(text, look.plain) for text in _tokens(run, now)]
    if run.lingers_until:
        left = max(0.0, formats.seconds(run.lingers_until) - now)
        parts.append((f"what it left ends in {formats.uptime(left)}", look.warning))
    if run.resources:
        used = run.resources
        many = "process" if used.processes == 1 else "processes"
        parts.append((f"{used.processes} {many}", look.muted))
        parts.append((f"{formats.size(used.memory_bytes)}  {formats.percent(used.cpu)} CPU", look.muted))
    return parts


def third(run: RunView, look: Look) -> list[Part]:
    """What went wrong, else who asked for what."""
    if run.error:
        again = run.error.retry_after_secs
        cure = f", try again in {formats.uptime(again)}" if again else ""
        return [(f"{run.error.code}: {one_line(run.error.message)}{cure}", look.state(run.state))]
    who = f"{run.client}, key {one_line(run.key_label)}" if run.key_label else run.client
    return [(who, look.muted), (f"“{one_line(run.prompt_preview)}”", look.plain)]


def _where(run: RunView) -> str:
    """What it belongs to."""
    session = f"session {run.session_id}" if run.session_id else ""
    session += f" ({run.continuation})" if run.continuation else ""
    group = f"group {run.group_id}" if run.group_id else ""
    return f"{session} {group}".strip()


def _tokens(run: RunView, now: float) -> list[str]:
    used, speed = run.token_usage, formats.tokens_per_second(run, now)
    told = []
    if used.input_tokens or used.output_tokens:
        told.append(f"{formats.tokens(used.input_tokens)} in, {formats.count(used.output_tokens)} out")
    elif run.output_chars:
        told.append(f"{formats.count(run.output_chars)} characters")
    if speed:
        told.append(f"{'~' if speed[1] else ''}{formats.count(speed[0])} tokens/s")
    return told


def _line(parts: list[Part], width: int, look: Look) -> Strip:
    """As many parts as there is room for; the last that has some is cropped."""
    segments, room = [Segment(" ", look.plain)], width - 2
    for text, style in parts:
        if room < 4:
            break
        shown = crop(text, room)
        segments.append(Segment(shown, look.plain + style))
        segments.append(Segment(_GAP, look.plain))
        room -= cells(shown) + len(_GAP)
    return Strip(segments).adjust_cell_length(width, look.plain)


def _long(secs: float) -> str:
    return formats.duration(secs) if secs < 60 else formats.uptime(secs)
