"""Real servers under real guardians: on pipes, on terminals, and what they report."""

import contextlib
import fcntl
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pytest

from clinvk import processes

ROOT = pathlib.Path(__file__).parents[2]
STANDIN = pathlib.Path(__file__).with_name("standin.py")
DEADLINE = 30.0  # only a fault waits this long
# Makes the terminal on stdin the controlling one of the new session it leads, and goes on as its arguments.
ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


def ready(fd: int, seconds: float = DEADLINE) -> bool:
    """Whether `fd` has something to say, its end included, within `seconds`."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def end_if_holding(pid: int, path: str) -> None:
    """Kill `pid` if it has `path` open, and nobody else, should the number come to name another meanwhile."""
    with contextlib.suppress(OSError):
        pidfd = os.pidfd_open(pid)
        try:
            if path in (str(link.readlink()) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)


class Reports:
    """What a stand-in says on its FIFO, which all that it starts holds open."""

    def __init__(self, path: pathlib.Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._reports: list[dict] = []
        self._partial = b""
        self._fd = -1
        self.open()

    def open(self) -> None:
        """Listen to the next program, when all of the last one has ended."""
        self.close()
        self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def next(self) -> dict | None:
        """The next report; None at the end, when no process holds the FIFO any more."""
        while not self._reports:
            assert ready(self._fd), "no report came"
            if not self._receive():
                return None
        return self._reports.pop(0)

    def until(self, event: str) -> list[dict]:
        """All reports up to the first `event`, which is the last of them."""
        seen: list[dict] = []
        while not seen or seen[-1]["event"] != event:
            report = self.next()
            assert report is not None, f"ended after {seen}"
            seen.append(report)
        return seen

    def rest(self) -> list[dict]:
        """All reports until nothing holds the FIFO any more."""
        return list(iter(self.next, None))

    def ended(self) -> bool:
        """Whether, at this moment, no process holds the FIFO any more."""
        while ready(self._fd, 0):
            if not self._receive():
                return True
        return False

    def _receive(self) -> bool:
        """Take what is there; False at the end."""
        data = os.read(self._fd, 65536)
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._reports.extend(map(json.loads, lines))
        return bool(data)

    def close(self) -> None:
        """Listen no longer, and end what a test that failed has left."""
        if self._fd < 0:
            return
        left = not self.ended()
        os.close(self._fd)
        self._fd = -1
        for process in processes.table() if left else ():
            end_if_holding(process, str(self.path))


class Job:
    """A program started by a test, most often a stand-in and its guardian."""

    def __init__(self, argv: list[str], reports: Reports, errors: pathlib.Path, **options: object) -> None:
        self.reports = reports
        self._errors = errors
        with errors.open("wb") as stderr:
            self.process = subprocess.Popen(
                argv, **{"stdin": subprocess.DEVNULL, "stderr": stderr, "start_new_session": True} | options
            )
        self.pid = self.process.pid

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def code(self) -> int:
        """The exit code, once it has ended."""
        await_end(self.pid)
        return self.process.wait()

    def probe(self) -> list[dict]:
        """The reports up to now: a signal of the highest number is passed on after all that came before."""
        os.kill(self.pid, signal.SIGRTMIN)
        *seen, _ = self.reports.until("SIGRTMIN")
        return seen

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def await_end(pid: int) -> None:
    """Return when `pid`, anyone's child, has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert ready(pidfd), f"{pid} did not end"
    finally:
        os.close(pidfd)


class Terminal:
    """A pseudo-terminal and the one session on it."""

    def __init__(self, launch: Callable[..., Job]) -> None:
        self._launch = launch
        self.keyboard, self.screen = os.openpty()
        self.shown = ""

    def run(self, *argv: str) -> Job:
        env = {**os.environ, "TERM": "dumb", "LC_ALL": "C", "PS1": "prompt> ", "INPUTRC": "/dev/null"}
        launcher = [sys.executable, "-c", ON_TERMINAL, *argv]
        return self._launch(launcher, stdin=self.screen, stdout=self.screen, stderr=self.screen, env=env, cwd="/")

    def type(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    def expect(self, text: str) -> str:
        """What was shown up to `text` and with it; it then counts as seen."""
        while text not in self.shown:
            assert ready(self.keyboard), f"{text!r} is not in {self.shown!r}"
            self.shown += os.read(self.keyboard, 65536).decode(errors="replace")
        before, found, self.shown = self.shown.partition(text)
        return before + found

    def modes(self) -> list:
        return termios.tcgetattr(self.screen)

    def holder(self) -> int:
        """The process group in the foreground."""
        return int.from_bytes(fcntl.ioctl(self.keyboard, termios.TIOCGPGRP, bytes(4)), sys.byteorder)

    def hang_up(self) -> None:
        """Close the terminal's window."""
        for name in ("screen", "keyboard"):
            fd = getattr(self, name)
            if fd >= 0:
                setattr(self, name, -1)
                os.close(fd)


@pytest.fixture
def reports(tmp_path: pathlib.Path) -> Iterator[Reports]:
    reports = Reports(tmp_path / "reports")
    yield reports
    reports.close()


@pytest.fixture
def standin(reports: Reports) -> Callable[..., list[str]]:
    """The command of a stand-in that does `actions` and reports."""
    return lambda *actions: [sys.executable, str(STANDIN), str(reports.path), *actions]


@pytest.fixture
def launch(tmp_path: pathlib.Path, reports: Reports) -> Iterator[Callable[..., Job]]:
    """Start a program that is ended with the test."""
    with contextlib.ExitStack() as jobs:

        def launch(argv: list[str], **options: object) -> Job:
            job = Job(argv, reports, tmp_path / "stderr", **options)
            jobs.callback(job.close)
            return job

        yield launch


@pytest.fixture
def start(launch: Callable[..., Job], standin: Callable[..., list[str]]) -> Callable[..., tuple[Job, dict]]:
    """Start a stand-in and wait until it is up: the job, its pid being the guardian's, and what it said."""

    def start(*actions: str, **options: object) -> tuple[Job, dict]:
        job = launch(standin(*actions), **options)
        return job, job.reports.until("ready")[-1]

    return start


@pytest.fixture
def terminal(launch: Callable[..., Job]) -> Iterator[Terminal]:
    terminal = Terminal(launch)
    yield terminal
    terminal.hang_up()


@pytest.fixture
def ended() -> Callable[[int], None]:
    return await_end


@pytest.fixture
def root() -> pathlib.Path:
    return ROOT
