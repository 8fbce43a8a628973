"""How many tokens a text takes: an estimate, for nobody here knows the tokens of every model behind a CLI."""

from typing import Final

_QUARTERS: Final = (
    (bytes(range(0x80)), 1),  # ASCII: four characters a token
    (bytes(range(0xC0, 0xE0)), 2),  # two bytes: Greek, Cyrillic, Arabic, accented Latin
    (bytes(range(0xE0, 0xF0)), 4),  # three: Chinese, Japanese, Korean, of which each is about a token
    (bytes(range(0xF0, 0xF8)), 8),  # four: emoji
)
"""The bytes that begin a character in UTF-8, and quarters of a token for each."""


def tokens(text: str) -> int:
    """Rounded up, at least 1, and always the same for the same text.

    A quarter of a token for each ASCII character, half of one for other characters of two bytes in UTF-8, one
    for those of three, two for those of four.
    """
    data = text.encode()
    quarters = sum((len(data) - len(data.translate(None, begin))) * weight for begin, weight in _QUARTERS)
    return max(1, -(-quarters // 4))
