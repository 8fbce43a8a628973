"""How things look: symbols, which say all without colour, and the styles of the theme in use."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from rich.style import Style
from textual.color import Color
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget

from clinvk.domain.run import RunState

if TYPE_CHECKING:
    from tui.console import Console

SYMBOLS: Final = MappingProxyType(
    {
        RunState.QUEUED: "○",
        RunState.STARTING: "◔",
        RunState.RUNNING: "●",
        RunState.STOPPING: "◐",
        RunState.COMPLETED: "✓",
        RunState.FAILED: "✗",
        RunState.CANCELLED: "⊘",
    }
)

DARK: Final = Theme(
    name="clinvk-dark",
    primary="#7aa2f7",
    secondary="#9d7cd8",
    accent="#ff9e64",
    warning="#e0af68",
    error="#f7768e",
    success="#9ece6a",
    foreground="#c0caf5",
    background="#1a1b26",
    surface="#1f2335",
    panel="#292e42",
    dark=True,
)
LIGHT: Final = Theme(
    name="clinvk-light",
    primary="#2959aa",
    secondary="#7847bd",
    accent="#b15c00",
    warning="#8f5e15",
    error="#c0334d",
    success="#33635c",
    foreground="#343b58",
    background="#f4f5f9",
    surface="#e9ebf2",
    panel="#d6d9e4",
    dark=False,
)


@dataclass(frozen=True, slots=True)
class Look:
    """The styles of one theme, for widgets that draw their lines themselves."""

    plain: Style
    muted: Style
    strong: Style
    accent: Style
    good: Style
    warning: Style
    bad: Style
    bar: Style
    """A line that is no content: titles of columns, the header, the keys."""
    bar_ground: Style
    """The same, its background alone."""
    key: Style
    """A key that can be pressed, on such a line."""
    cursor: Style
    found: Style
    """What a search found."""
    reasoning: Style

    @classmethod
    def of(cls, theme: Theme) -> Self:
        """That of `theme`, one of ours or any other of Textual's."""
        colors = theme.to_color_system().generate()
        ground, front = Color.parse(colors["background"]), Color.parse(colors["foreground"])
        panel = Color.parse(colors["panel"])

        def ink(name: str) -> Style:
            return Style(color=Color.parse(colors[name]).rich_color)

        muted = Style(color=ground.blend(front, 0.6).rich_color)
        bar = Style(bgcolor=panel.rich_color, color=front.rich_color)
        return cls(
            plain=Style(color=front.rich_color, bgcolor=ground.rich_color),
            muted=muted,
            strong=Style(bold=True),
            accent=ink("accent"),
            good=ink("success"),
            warning=ink("warning"),
            bad=ink("error"),
            bar=bar,
            bar_ground=Style(bgcolor=panel.rich_color),
            key=bar + ink("accent") + Style(bold=True),
            # Reversed, so that it stands out on a terminal without colours too.
            cursor=Style(bgcolor=Color.parse(colors["primary"]).rich_color, color=ground.rich_color, bold=True),
            found=Style(bgcolor=Color.parse(colors["warning"]).rich_color, color=ground.rich_color),
            reasoning=muted + Style(italic=True),
        )

    def state(self, state: RunState) -> Style:
        """The colour of a run's state; its symbol and its name say the same."""
        match state:
            case RunState.COMPLETED:
                return self.good
            case RunState.FAILED:
                return self.bad
            case RunState.RUNNING | RunState.STARTING:
                return self.accent
            case RunState.STOPPING | RunState.CANCELLED:
                return self.warning
            case RunState.QUEUED:
                return self.muted


def look_of(widget: Widget | Screen[Any]) -> Look:
    """That of the console which `widget` is shown by."""
    return cast("Console", widget.app).look
