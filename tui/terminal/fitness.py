"""Whether the console can be shown where the program was started."""

import os
from typing import Final

COLUMNS: Final = 40
LINES: Final = 10


def unfit() -> str | None:
    """Why there can be no console here, as the end of a sentence; None if there can."""
    for fd, name in ((0, "standard input"), (1, "standard output")):
        if not os.isatty(fd):
            return f"{name} is not a terminal"
    if os.environ.get("TERM", "") in {"", "dumb"}:
        return "TERM does not name a terminal that can show it"
    try:
        holders = {os.tcgetpgrp(0), os.tcgetpgrp(1)}
    except OSError:
        return "the terminal belongs to another session"
    if holders != {os.getpgrp()}:
        return "it was started in the background"
    columns, lines = os.get_terminal_size(1)
    if 0 < columns < COLUMNS or 0 < lines < LINES:
        return f"{columns}×{lines} is too small; it needs {COLUMNS}×{LINES}"
    return None
