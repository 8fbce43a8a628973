"""Real servers whose configuration and log are at hand."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import DEADLINE, Served


class Log:
    """A server's log as it is written: a FIFO that the server takes for a file."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._lines: list[bytes] = []
        self._partial = b""

    def until(self, word: str) -> list[str]:
        """The messages up to the first that has `word` in it, which is the last of them."""
        seen: list[str] = []
        while not seen or word not in seen[-1]:
            line = self._line()
            assert line, f"it ended after {seen}"
            seen.append(json.loads(line)["message"])
        return seen

    def rest(self) -> list[str]:
        """The messages until nobody writes any more."""
        return [json.loads(line)["message"] for line in iter(self._line, "")]

    def _line(self) -> str:
        """Empty at the end."""
        while not self._lines:
            assert select.select([self._fd], [], [], DEADLINE)[0], "nothing came"
            data = os.read(self._fd, 65536)
            if not data:
                return ""
            *self._lines, self._partial = (self._partial + data).split(b"\n")
        return self._lines.pop(0).decode()

    def close(self) -> None:
        os.close(self._fd)


class Configured:
    """A server, its file, and its log."""

    def __init__(self, home: Path, text: str | None, start: Callable[..., Served], flags: tuple[str, ...]) -> None:
        self.file = home / "clinvk" / "config.yaml"
        if text is not None:
            self.write(text)
        self.log = Log(home / "server.log")
        self.served = start(home, "--log-format", "json", *flags)

    def write(self, text: str) -> None:
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text(text)

    def reload(self, text: str | None = None) -> str:
        """What the server says after a SIGHUP, now that its file says `text`."""
        if text is not None:
            self.write(text)
        self.served.guardian.send_signal(signal.SIGHUP)
        return self.log.until("reloaded")[-1]

    def prompt(self, prompt: str, **fields: Any) -> Any:
        return self.served.prompt(prompt, **fields)


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Callable[..., Configured]]:
    """Starts a server whose file says this; None is no file."""
    made: list[Configured] = []

    def make(text: str | None = "", *flags: str) -> Configured:
        made.append(Configured(tmp_path, text, Served, flags))
        return made[-1]

    yield make
    for one in made:
        one.served.end()
        one.log.close()


class Program:
    """`clinvk config` with a home of its own; what the last call said."""

    def __init__(self, home):
        self.home = home
        self.file = home / "config.yaml"

    def __call__(self, *arguments, **variables):
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {"CLINVK_HOME": str(self.home), "HOME": str(self.home)} | variables
        done = subprocess.run(
            [sys.executable, "-m", "clinvk", "config", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=50,
        )
        self.out, self.err = done.stdout, done.stderr
        return done.returncode

    def write(self, text):
        self.home.mkdir(exist_ok=True)
        self.file.write_text(text)


@pytest.fixture
def config(tmp_path):
    return Program(tmp_path / "home")
