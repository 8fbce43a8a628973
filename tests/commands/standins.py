"""Stand-ins of systemctl, loginctl and launchctl that write down how they were called."""

import shlex
from pathlib import Path

import pytest

from clinvk import cli
from clinvk.commands import service

# What it answers, and where it fails, stands in a file beside it.
_STANDIN = """#!/bin/sh
cd {folder}
called="${{0##*/}} $*"
printf '%s\\n' "$called" >> calls
. ./answers
"""


class Machine:
    """A home, and the programs of its service manager."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = folder / "home"
        self.bin = folder / "bin"
        self.unit = self.home / ".config" / "systemd" / "user" / "clinvk.service"
        self.plist = self.home / "Library" / "LaunchAgents" / "com.clinvk.server.plist"
        self.home.mkdir()
        self.bin.mkdir()
        self._folder, self._capsys = folder, capsys
        (folder / "calls").touch()
        self.answer({})
        for name in ("systemctl", "loginctl", "launchctl"):
            program = self.bin / name
            program.write_text(_STANDIN.format(folder=shlex.quote(str(folder))))
            program.chmod(0o755)
        self.out = self.err = ""

    def answer(self, answers: dict[str, tuple[int, str, str]]) -> None:
        """Calls that have these words in them get this exit code, output and error."""
        cases = ""
        for words, (code, *said) in answers.items():
            out, err = map(shlex.quote, said)
            cases += f"*{shlex.quote(words)}*) printf %s {out}; printf %s {err} >&2; exit {code};;\n"
        (self._folder / "answers").write_text(f'case "$called" in {cases}*) ;; esac\n')

    def calls(self) -> list[str]:
        """What was called since the last look."""
        path = self._folder / "calls"
        told = path.read_text().splitlines()
        path.write_text("")
        return told

    def __call__(self, *arguments: str, platform: str = "linux", **variables: str) -> int:
        """The command in this process."""
        environment = {"HOME": str(self.home), "PATH": f"{self.bin}:/usr/bin:relative:{self.bin}", **variables}
        options = cli._parser().parse_args(["service", *arguments])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["/x/__main__.py"])
            for name in ("HOME", "PATH"):
                patch.setenv(name, environment[name])
            code = service.run(options, environment, platform)
        self.out, self.err = self._capsys.readouterr()
        return code
