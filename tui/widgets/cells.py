"""Text in cells of a terminal: what anybody wrote, as wide as it is said to be. Pure."""

import re
import unicodedata
from typing import Final

from rich.cells import cell_len, set_cell_size

_ODD: Final = re.compile(r"\x1b\[[0-9;?]*[@-~]|[^ -~]")
"""A colour or another command to a terminal; any other character that needs a look."""
_MARKS: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FLAGS: Final = range(0x1F1E6, 0x1F200)
_SKINS: Final = range(0x1F3FB, 0x1F400)
_SELECTORS: Final = range(0xFE00, 0xFE10)


def clean(text: str) -> str:
    """`text` as one line in which every terminal gives each character the same room.

    Control characters become spaces. What joins characters to one sign is left out: terminals differ in how wide
    the sign is, and one that differs from us breaks the line.
    """
    if text.isascii() and text.isprintable():
        return text
    return _ODD.sub(lambda found: _shown(found.group()), text)


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """`text`, clean already, in exactly `width` cells: cut with `…`, or filled up with spaces."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width) if width > 0 else ""
    room = " " * (width - length)
    return room + text if right else text + room


def _shown(character: str) -> str:
    if len(character) > 1:
        return ""
    code = ord(character)
    if code in _FLAGS:
        return chr(ord("A") + code - _FLAGS.start)
    if code in _SKINS or code in _SELECTORS:
        return ""
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    if category in _MARKS:
        return "" if category == "Cf" else "\N{REPLACEMENT CHARACTER}"
    return character
