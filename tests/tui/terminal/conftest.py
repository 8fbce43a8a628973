"""Small consoles on real terminals."""

import fcntl
import os
import re
import shlex
import signal
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clinvk import processes
from tests.guardian import conftest as guarded

STANDIN = Path(__file__).with_name("standin.py")
PAINTED = re.compile(r"\x1b\[(\d+);1Hline \d+ version (\d+)")
COLUMNS, LINES = 80, 24

reports = guarded.reports
launch = guarded.launch


class Terminal(guarded.Terminal):
    """A pseudo-terminal with a size, and a console on it."""

    def __init__(self, launch: Callable[..., guarded.Job], reports: guarded.Reports, log: Path) -> None:
        super().__init__(launch)
        self.reports = reports
        self.log = log
        self.before = self.modes()
        self.resize(COLUMNS, LINES)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def command(self, *options: str) -> list[str]:
        return [sys.executable, str(STANDIN), str(self.reports.path), str(self.log), *options]

    def run(self, *argv: str, **variables: str) -> guarded.Job:
        env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PS1": "prompt> ", **variables}
        launcher = [sys.executable, "-c", guarded.ON_TERMINAL, *argv]
        return self._launch(launcher, stdin=self.screen, stdout=self.screen, stderr=self.screen, env=env, cwd="/")

    def start(self, *options: str, **variables: str) -> guarded.Job:
        """A console, once its first frame is written."""
        job = self.run(*self.command(*options), **variables)
        self.reports.until("shown")
        return job

    def shell(self, *options: str) -> int:
        """A console as the job of a shell, once its first frame is written; its pid."""
        self.run("bash", "--norc", "--noprofile", "-i")
        self.expect("prompt> ")
        self.type(shlex.join(self.command(*options)) + "\n")
        return int(self.reports.until("shown")[-1]["pid"])

    def told(self, event: str) -> dict[str, object]:
        """The next `event`."""
        return self.reports.until(event)[-1]

    def stall(self, job: guarded.Job) -> None:
        """Return when a busy console drops frames, for nobody reads them, and its loop answers nevertheless."""
        while True:
            os.kill(job.pid, signal.SIGUSR1)
            if self.told("alive")["stalled"]:
                return

    def frame(self, version: int = 0) -> dict[int, int]:
        """Which version each line shows once the last one shows that: a frame is written from the top."""
        return picture(self.expect(f"line {LINES - 1} version {version} "))

    def rest(self) -> str:
        """What is shown until nothing more comes at once, and all before that nobody expected."""
        while guarded.ready(self.keyboard, 0.3):
            self.shown += os.read(self.keyboard, 65536).decode(errors="replace")
        rest, self.shown = self.shown, ""
        return rest


def picture(shown: str) -> dict[int, int]:
    """Which version each line of the screen shows."""
    return {int(line): int(version) for line, version in PAINTED.findall(shown)}


def below() -> set[int]:
    """Every process that this one has started, and theirs."""
    return {row.pid for row in processes.descendants(os.getpid(), processes.table())}


@pytest.fixture
def terminal(launch: Callable[..., guarded.Job], reports: guarded.Reports, tmp_path: Path) -> Iterator[Terminal]:
    others = below()  # a server that many tests share, say
    terminal = Terminal(launch, reports, tmp_path / "console.log")
    yield terminal
    family = below() - others
    terminal.hang_up()
    reports.rest()
    for pid in family:
        guarded.await_end(pid)
