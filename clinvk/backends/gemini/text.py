"""Gemini's words: prompts it would take for commands, and errors it puts in prose."""

import re
from typing import Final

from clinvk.backends import json_lines

_COMMAND: Final = ("/", "$")
_BLANK: Final = " \t\n\v\f\r\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What it strips before it looks for a command."""
_UNSEEN: Final = "\u200b"  # a zero-width space: no blank to gemini, and nothing to a reader

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WAIT: Final = re.compile(r"(?:reset|retry) (?:after|in) ((?:\d+(?:\.\d+)?(?:ms|[smhd])\s?)+)")
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")


def plain(prompt: str) -> str:
    """The prompt, so that gemini runs no command of its own for it: it does behind blanks, too."""
    return _UNSEEN + prompt if prompt.lstrip(_BLANK).startswith(_COMMAND) else prompt


def wait_of(said: str) -> float | None:
    """The seconds until a quota is reset, such as `3h14m53s`, where `said` tells."""
    found = _WAIT.search(said)
    if found is None:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(found[1]))


def unwrapped(said: str) -> str:
    """The provider's words, where gemini passes its whole JSON answer on."""
    answer = json_lines.parse(said.encode())
    error = answer.get("error") if answer else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else said
