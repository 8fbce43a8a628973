"""clinvk doctor: what would trouble a server here, and the cure."""

import argparse
import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence

from clinvk import __version__, settings
from clinvk.commands.refusing import refuse
from clinvk.doctor.case import Case
from clinvk.doctor.examination import examine
from clinvk.doctor.finding import Finding, Id, Level
from clinvk.doctor.told import Paper

_INTERRUPTED = 130


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """The exit code: 0 nothing worse than a warning, 1 a problem, 3 the configuration cannot be used."""
    try:
        case = Case.of(options.config, environment)
    except settings.BadSettings as error:
        return refuse(error, 3)
    for name in case.looping:  # as a server does: what is for its clients is not for its CLIs
        os.environ.pop(name, None)
    try:
        findings = asyncio.run(examine(case))
    except KeyboardInterrupt:
        return _INTERRUPTED
    _say(_json(findings) if options.json else _paper(environment).report(findings))
    return _code(findings)


def _code(findings: Sequence[Finding]) -> int:
    problems = {finding.id for finding in findings if finding.level is Level.PROBLEM}
    if Id.CONFIG_FILE in problems:
        return 3
    return 1 if problems else 0


def _json(findings: Sequence[Finding]) -> str:
    told = [
        {
            "id": finding.id,
            "subject": finding.id.subject,
            "level": finding.level,
            "about": finding.about,
            "message": finding.message,
            "cure": finding.cure,
        }
        for finding in findings
    ]
    return json.dumps({"ok": _code(findings) == 0, "version": __version__, "findings": told}, indent=2) + "\n"


def _paper(environment: Mapping[str, str]) -> Paper:
    """By the terminal, if it is one. NO_COLOR, and a terminal without any, get no colours."""
    terminal = sys.stdout.isatty()
    colours = terminal and not environment.get("NO_COLOR") and environment.get("TERM") not in {None, "", "dumb"}
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return Paper(shutil.get_terminal_size().columns, colours=colours, unicode=unicode)


def _say(text: str) -> None:
    try:
        print(text, end="", flush=True)  # noqa: T201  what was asked for
    except BrokenPipeError:  # `| head`: nobody wants the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
