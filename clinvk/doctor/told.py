"""The findings as people read them: grouped, a symbol and a word each, the cure below."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from clinvk import __version__
from clinvk.doctor.finding import Finding, Level

_HEADINGS: Final[Mapping[str, str]] = {
    "cli": "CLIs",
    "config": "Configuration",
    "home": "Home and store",
    "server": "Server and port",
    "terminal": "Terminal",
    "env": "Environment",
    "machine": "Machine",
    "doctor": "This examination",
}
_SYMBOLS: Final = {Level.OK: "✓", Level.NOTE: "·", Level.WARNING: "!", Level.PROBLEM: "✗"}
_ASCII: Final = {Level.OK: "+", Level.NOTE: "-", Level.WARNING: "!", Level.PROBLEM: "x"}
_COLOURS: Final = {Level.OK: "32", Level.NOTE: "2", Level.WARNING: "33", Level.PROBLEM: "1;31"}
_WORD: Final = max(map(len, Level))
_INDENT: Final = " " * (2 + 2 + _WORD + 2)
_NARROWEST: Final = 50
_WIDEST: Final = 110


class Paper:
    """What it is written on: its width in columns, and whether it takes colours and more than ASCII."""

    def __init__(self, columns: int, *, colours: bool, unicode: bool) -> None:
        self._columns = max(_NARROWEST, min(columns, _WIDEST))
        self._colours = colours
        self._symbols = _SYMBOLS if unicode else _ASCII
        self._arrow = "→ " if unicode else "> "
        self._unicode = unicode

    def report(self, findings: Sequence[Finding]) -> str:
        """All of it, the verdict last."""
        lines = [self._painted(f"clinvk doctor {__version__}", "1")]
        for subject, heading in _HEADINGS.items():
            about = [finding for finding in findings if finding.id.subject == subject]
            if about:
                lines += ["", self._painted(heading, "1")]
                lines += [line for finding in about for line in self._lines(finding)]
        text = "\n".join([*lines, "", self._verdict(findings)]) + "\n"
        return text if self._unicode else text.encode("ascii", "backslashreplace").decode()

    def _lines(self, finding: Finding) -> Iterator[str]:
        mark = f"{self._symbols[finding.level]} {finding.level:<{_WORD}}"
        first, *rest = self._wrapped(finding.message)
        yield f"  {self._painted(mark, _COLOURS[finding.level])}  {first}"
        yield from (_INDENT + line for line in rest)
        if finding.cure:
            for number, line in enumerate(self._wrapped(finding.cure, 2)):
                yield _INDENT + self._painted((self._arrow if number == 0 else "  ") + line, "36")

    def _wrapped(self, text: str, less: int = 0) -> list[str]:
        """In lines; a path or a command is never broken at its dashes."""
        width = self._columns - len(_INDENT) - less
        return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]

    def _verdict(self, findings: Sequence[Finding]) -> str:
        counts = Counter(finding.level for finding in findings)
        problems, warnings = counts[Level.PROBLEM], counts[Level.WARNING]
        if problems:
            text, level = (
                f"{_several(problems, 'problem')} to solve, {_several(warnings, 'warning')}.",
                Level.PROBLEM,
            )
        elif warnings:
            text, level = f"A server can run here, with {_several(warnings, 'warning')}.", Level.WARNING
        else:
            text, level = "All is well.", Level.OK
        return self._painted(f"{self._symbols[level]} {text}", _COLOURS[level])

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count or 'no'} {what}s"
