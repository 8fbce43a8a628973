"""docs/reference/console.md, by the console's own bindings."""

from collections.abc import Iterable, Iterator

from markdown import GENERATED, joined, table
from textual.binding import Binding, BindingsMap, BindingType
from textual.keys import format_key

from tui.console import Console
from tui.screens.backends import BackendsScreen
from tui.screens.base import ConsoleScreen
from tui.screens.log import LogScreen
from tui.screens.requests import RequestsScreen
from tui.screens.run import RunScreen
from tui.screens.runs import RunsScreen
from tui.screens.sessions import SessionsScreen
from tui.widgets.grid import Grid
from tui.widgets.lines import Lines

HEAD = ("key", "what it does")
SCREENS: tuple[type[ConsoleScreen], ...] = (
    RunsScreen, RunScreen, SessionsScreen, BackendsScreen, RequestsScreen, LogScreen,
)  # fmt: skip
INTRO = """What each key of the [console](../console.md) does. `?` shows the keys of the screen that you look at. \
`^` is Ctrl.
"""
_NAMES = {"⏎": "Enter", "⌫": "Backspace"}


def page() -> str:
    """The page: what holds everywhere, then a section for each screen."""
    parts = [f"# Keys of the console\n\n{GENERATED}\n", INTRO]
    parts += ["## Everywhere\n", table(HEAD, _rows([*ConsoleScreen.BINDINGS, *Console.BINDINGS]))]
    parts += [
        "## In lists\n",
        table(HEAD, _rows(Grid.BINDINGS)),
        "## In text\n",
        table(HEAD, _rows(Lines.BINDINGS)),
    ]
    for screen in SCREENS:
        parts += [f"## {screen.TITLE}\n\n{screen.INTRODUCTION}\n", table(HEAD, _rows(screen.BINDINGS))]
    return joined(parts)


def _rows(bindings: Iterable[BindingType]) -> Iterator[tuple[str, str]]:
    """Keys that do the same stand together."""
    told: dict[str, list[str]] = {}
    for _, binding in BindingsMap(bindings):
        if meaning := binding.tooltip or binding.description:
            told.setdefault(meaning, []).append(_key(binding))
    for meaning, keys in told.items():
        yield " ".join(f"`{key}`" for key in dict.fromkeys(keys)), meaning


def _key(binding: Binding) -> str:
    if binding.key_display:
        return binding.key_display
    modifiers, key = binding.parse_key()
    shown = format_key(key)
    return (
        ("^" if "ctrl" in modifiers else "")
        + ("shift+" if "shift" in modifiers else "")
        + _NAMES.get(shown, shown)
    )
