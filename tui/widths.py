"""How many cells a terminal gives to a character: one measure for all that the console draws.

Rich, on which every line of Textual is measured, gives no room to spacing marks, the vowels of most Indic scripts.
Terminals give them a cell each, as the C library does. Each such mark would push the rest of its line off its
place, so Rich's own table is corrected here, once, when this module is imported.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final

from rich import cells as rich_cells
from rich._unicode_data import load

_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
_FLAGS: Final = range(0x1F1E6, 0x1F200)
_JOINING: Final = frozenset({0x200C, 0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)})
"""What joins characters to one sign, or colours it."""
_DISPUTED: Final = frozenset(
    {
        *(0x302E, 0x302F, 0x16FF0, 0x16FF1),  # marks as wide as what they stand with
        *(0x3164, 0xFFA0),  # the fillers of Hangul
        *range(0x3248, 0x3250),
        # Wide since Unicode 16: signs of divination, and counting rods.
        *range(0x2630, 0x2638),
        *range(0x268A, 0x2690),
        *range(0x4DC0, 0x4E00),
        *range(0x1D300, 0x1D357),
        *range(0x1D360, 0x1D377),
    }
)


@lru_cache(8192)
def agreed(character: str) -> str:
    """What stands for `character` so that all terminals give it the same room: mostly itself, or nothing."""
    code = ord(character)
    if code < 0x300:
        return character
    if code in _JOINING:
        return ""
    if code in _FLAGS:
        return chr(ord("A") + code - _FLAGS.start)
    return _REPLACED if code in _DISPUTED or unicodedata.category(character) == "Cn" else character


def size(character: str) -> int:
    """The cells of one character: 0, 1 or 2."""
    return rich_cells.get_character_cell_size(character)


def _correct() -> None:
    widths = load().widths
    assert isinstance(widths, list)
    widths[:] = [part for span in widths for part in _without_spacing_marks(*span)]
    rich_cells.get_character_cell_size.cache_clear()
    rich_cells.cached_cell_len.cache_clear()


def _without_spacing_marks(start: int, end: int, width: int) -> Iterator[tuple[int, int, int]]:
    """The span less the marks that take a cell of their own: what is in no span takes one."""
    if width:
        yield start, end, width
        return
    for takes_room, codes in groupby(range(start, end + 1), _takes_room):
        if not takes_room:
            part = list(codes)
            yield part[0], part[-1], 0


def _takes_room(code: int) -> bool:
    return unicodedata.category(chr(code)) == "Mc"


_correct()
