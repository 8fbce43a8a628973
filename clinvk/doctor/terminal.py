"""The terminal: whether the console can be shown on it, and how well."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, note, ok
from tui.terminal.fitness import unfit

_UTF_8: Final = re.compile(r"utf-?8", re.IGNORECASE)
_COLUMNS: Final = 80
_LINES: Final = 24


def findings(case: Case) -> Iterator[Finding]:
    """Nothing here keeps a server from running: the worst is a note."""
    variables = case.environment
    if not _UTF_8.search(_locale(variables)):
        message = "the locale is not UTF-8: frames and letters come out wrong"
        yield note(Id.TERMINAL_LOCALE, "LANG", message, "export LANG=C.UTF-8")
    if why := unfit():
        yield note(Id.TERMINAL_CONSOLE, "terminal", f"the console cannot be shown here: {why}")
        return
    columns, lines = os.get_terminal_size(1)
    yield ok(Id.TERMINAL_CONSOLE, "terminal", f"the console can be shown ({columns}×{lines})")
    if 0 < columns < _COLUMNS or 0 < lines < _LINES:
        message = f"{columns}×{lines} is small: the console leaves things out below {_COLUMNS}×{_LINES}"
        yield note(Id.TERMINAL_SIZE, "terminal", message, "enlarge the window")
    yield from _colours(variables)


def _locale(variables: Mapping[str, str]) -> str:
    """What holds for characters: the first of the three that says anything."""
    return next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := variables.get(name))), "")


def _colours(variables: Mapping[str, str]) -> Iterator[Finding]:
    term = variables.get("TERM", "")
    if variables.get("NO_COLOR"):
        yield note(Id.TERMINAL_COLOURS, "NO_COLOR", "NO_COLOR is set: everything is shown without colours")
    elif variables.get("COLORTERM") not in {"truecolor", "24bit"} and not re.search("256|direct", term):
        cure = "set default-terminal to tmux-256color in tmux" if variables.get("TMUX") else "TERM=xterm-256color"
        yield note(Id.TERMINAL_COLOURS, "TERM", f"TERM={term} stands for few colours", cure)
