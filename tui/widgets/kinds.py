"""What rows look like, by what they are: a sign before them and a style, which say the same."""

from types import MappingProxyType
from typing import Final, cast

from rich.style import Style

from tui.look import Look
from tui.reading.rows import Kind

SIGN_OF: Final = {Kind.REASONING: "┆ ", Kind.STRUCK: "⌫ ", Kind.BODY: "  │ "}
_STYLES: Final = MappingProxyType(
    {
        Kind.REASONING: "reasoning",
        Kind.STRUCK: "muted",
        Kind.NOTE: "muted",
        Kind.GOOD: "good",
        Kind.WARNING: "warning",
        Kind.BAD: "bad",
        Kind.TITLE: "accent",
    }
)
SIGNS: Final = [
    ("┆", "the model's reasoning"),
    ("⌫", "text that the backend dropped: no part of the answer"),
    ("▸ ▾", "a tool that was used, folded or not"),
    ("│", "what it was given, and what it gave"),
    ("❯", "the tool that space is for"),
    ("▶", "the match that was found"),
]


def style_of(kind: Kind, look: Look) -> Style:
    """The style of a row."""
    style = cast("Style", getattr(look, _STYLES[kind])) if kind in _STYLES else Style()
    return style + Style(strike=True) if kind is Kind.STRUCK else style
