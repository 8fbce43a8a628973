"""Text in cells of a terminal: what anybody wrote, as wide as it is said to be. Pure."""

import re
import unicodedata
from typing import Final

from rich.cells import cell_len, set_cell_size

from tui.widths import agreed

_COMMAND: Final = re.compile(r"\x1b\[[0-9;?]*[@-~]")
"""A colour or another command to a terminal."""
_REPLACED: Final = frozenset({"Cs", "Co", "Cn"})


def clean(text: str) -> str:
    """`text` as one line in which every terminal gives each character the same room.

    Control characters become spaces. What joins characters to one sign is left out: terminals differ in how wide
    the sign is, and one that differs from us breaks the line.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _COMMAND.sub("", text)
    return text.translate({ord(each): _shown(each) for each in set(text)})


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """`text`, clean already, in exactly `width` cells: cut with `…`, or filled up with spaces."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width) if width > 0 else ""
    room = " " * (width - length)
    return room + text if right else text + room


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    if category == "Cf":
        return ""
    return "\N{REPLACEMENT CHARACTER}" if category in _REPLACED else agreed(character)
