"""Text as a terminal may have it: nothing in it acts, and rows of it fit a width in cells. Pure."""

import re
from typing import Final

from tui.widths import agreed, size

_TAB: Final = "    "
# What moves a cursor, sets a colour, turns the direction of writing, or cannot be encoded.
_ACTING: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_NOT_SINGLE: Final = re.compile("[^\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u2500-\u25fc\u2800-\u28ff]")


def visible(text: str) -> str:
    """`text` with each control character as a sign that shows it; line feeds stay, tabs are four spaces, and what
    joins characters to one sign is left out.

    What becomes of a character does not depend on its neighbours.
    """
    if text.isascii() and text.isprintable():
        return text
    signs = {ord(each): shown for each in set(text) if (shown := _shown(each)) != each}
    return text.translate(signs) if signs else text


def one_line(text: str, limit: int = 400) -> str:
    """The beginning of `text`, visible, on one line."""
    return visible(" ".join(text[:limit].split()))


def wrap(text: str, width: int) -> list[str]:
    """`text`, which has no line feed, in rows of at most `width` cells, broken at spaces where there are some.

    A space at which a row is broken hangs behind it. The rows are `text` again once they are joined; and all but
    the last stay what they are if more text follows.
    """
    if len(text) <= width and (text.isascii() or not _NOT_SINGLE.search(text)):
        return [text]
    return _wrap_mixed(text, width) if _NOT_SINGLE.search(text) else _wrap_single(text, width)


def crop(text: str, width: int) -> str:
    """`text` in at most `width` cells, with a `…` where some of it is left out. Has no line feed."""
    fitting = _fitting(text[: width + 1] if text.isascii() else text, width)
    return text if len(fitting) == len(text) else _fitting(fitting, width - 1) + "…"


def cells(text: str) -> int:
    """How wide it is; never less than what the terminal makes of it."""
    return len(text) if not _NOT_SINGLE.search(text) else sum(map(size, text))


def _shown(character: str) -> str:
    if not _ACTING.match(character):
        return agreed(character)
    code = ord(character)
    if code == 9:
        return _TAB
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _wrap_single(text: str, width: int) -> list[str]:
    """Where each character takes one cell."""
    rows, start, end = [], 0, len(text)
    while end - start > width:
        cut = text.rfind(" ", start, start + width + 1) + 1
        if cut == end:
            break
        if cut <= start:
            cut = start + width
        rows.append(text[start:cut])
        start = cut
    rows.append(text[start:])
    return rows


def _wrap_mixed(text: str, width: int) -> list[str]:
    """The same, character by character: some take two cells, some none."""
    rows: list[str] = []
    start = taken = space = 0
    for place, character in enumerate(text):
        takes = size(character)
        hangs = character == " " and taken == width
        while takes and taken + takes > width and not hangs and place > start:
            cut = space if space > start else place
            rows.append(text[start:cut])
            taken = cells(text[cut:place])
            start = cut
            hangs = character == " " and taken == width
        taken += takes
        if character == " ":
            space = place + 1
    rows.append(text[start:])
    return rows


def _fitting(text: str, width: int) -> str:
    taken = 0
    for place, character in enumerate(text):
        taken += size(character)
        if taken > width:
            return text[:place]
    return text
