"""A machine of a test's own, as far as that goes: HOME, PATH and environment, and stand-ins for the CLIs."""

import os
from pathlib import Path

import pytest

from clinvk.doctor import cli, clis, server
from clinvk.doctor.case import Case
from clinvk.doctor.examination import examine
from tests.e2e.conftest import DEADLINE

VERSIONS = {
    "claude": "2.1.400 (Claude Code)",
    "codex": "codex-cli 0.169.0",
    "gemini": "0.61.0",
}
OUT = {
    "claude": """echo '{"loggedIn": false, "authMethod": "none"}'; exit 1""",
    "codex": "echo 'Not logged in' >&2; exit 1",
    "gemini": "exit 1",
}


class Machine:
    """Everything is below one folder. `home` is the server's, `user` the HOME."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.user = folder / "user"
        self.home = self.user / ".clinvk"
        self.bin = folder / "bin"
        self.asked = folder / "asked"
        self._monkeypatch = monkeypatch
        for made in (self.user, self.bin):
            made.mkdir(mode=0o700)
        for name in list(os.environ):
            monkeypatch.delenv(name)
        self.set(HOME=str(self.user), PATH=f"{self.bin}:/usr/bin:/bin", LANG="C.UTF-8", TMPDIR=str(folder))

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def file(self, name: str, text: str, mode: int = 0o600) -> Path:
        """A file below HOME."""
        path = self.user / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def configure(self, text: str, mode: int = 0o600) -> Path:
        return self.file(".clinvk/config.yaml", text, mode)

    def cli(
        self, name: str, version: str | None = None, login: str | None = None, folder: Path | None = None
    ) -> Path:
        """A stand-in that says `version` for `--version`, and does `login` for every question but its sandbox."""
        path = (folder or self.bin) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f"#!/bin/sh\necho {name} \"$@\" >>'{self.asked}'\n"
            f'case "$1" in\n--version) {version or f"echo {VERSIONS[name]!r}"};;\nsandbox) exit 0;;\n'
            f"*) {login or OUT[name]};;\nesac\n"
        )
        path.chmod(0o755)
        return path

    @property
    def questions(self) -> list[str]:
        return self.asked.read_text().splitlines() if self.asked.exists() else []

    def case(self) -> Case:
        return Case.of(None, os.environ)

    def found(self, check) -> "Findings":
        """What one check finds."""
        return Findings(check(self.case()))

    async def examined(self, seconds: float = DEADLINE, **options) -> "Findings":
        return Findings(await examine(self.case(), seconds=seconds, **options))


class Findings(list):
    """Findings, asked for by id."""

    def of(self, id_: str, about: str | None = None) -> list:
        return [each for each in self if each.id == id_ and about in (None, each.about)]

    def one(self, id_: str, about: str | None = None):
        (found,) = self.of(id_, about)
        return found

    def level(self, id_: str, about: str | None = None) -> str:
        return str(self.one(id_, about).level)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """One on which everybody has time to answer: how long the doctor waits is for people, not for machines."""
    for module, name in ((cli, "ASK_SECS"), (clis, "ASK_SECS"), (clis, "_BOUND_SECS"), (server, "_ANSWER_SECS")):
        monkeypatch.setattr(module, name, DEADLINE)
    return Machine(tmp_path, monkeypatch)
