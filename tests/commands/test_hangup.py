"""A terminal that hangs up ends the server; one that is still there does not keep it from reading again."""

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import time

import pytest

from clinvk import processes
from tests.commands.conftest import Log
from tests.e2e.conftest import DEADLINE
from tests.guardian.conftest import ON_TERMINAL, await_end

pytestmark = pytest.mark.e2e


def child(pid):
    """The one that it has."""
    (found,) = (row.pid for row in processes.table().values() if row.ppid == pid)
    return found


class OnTerminal:
    """A server whose session has a terminal: at its head, or below an interactive shell."""

    def __init__(self, home, *, shell):
        home.mkdir(exist_ok=True)
        self.log = Log(home / "log")
        self._keyboard, screen = os.openpty()
        serve = [sys.executable, "-m", "clinvk", "serve", "--port", "0", "--log-format", "json"]
        program = ["bash", "--norc", "--noprofile", "-i"] if shell else serve
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PS1": "prompt> ", "TERM": "dumb"}
        with (home / "log").open("wb") as log:
            self.head = subprocess.Popen(
                [sys.executable, "-c", ON_TERMINAL, *program],
                stdin=screen,
                stdout=screen,
                stderr=screen if shell else log,
                env=environment | {"CLINVK_HOME": str(home)},
                cwd=home,
                start_new_session=True,
            )
        os.close(screen)
        if shell:
            os.write(self._keyboard, f"{shlex.join(serve)} 2>{home}/log {shell}\n".encode())
        self._until("Press Ctrl+C")
        self.guardian = child(self.head.pid) if shell else self.head.pid
        self.server = child(self.guardian)

    def _until(self, word):
        shown = ""
        while word not in shown:
            assert select.select([self._keyboard], [], [], DEADLINE)[0], shown
            shown += os.read(self._keyboard, 65536).decode(errors="replace")

    def hang_up(self):
        os.close(self._keyboard)
        self._keyboard = -1

    def ends(self):
        """Wait until nobody holds the log any more: the server has ended, and whatever it had started."""
        return self.log.rest()

    def close(self):
        if self._keyboard >= 0:
            self.hang_up()
        self.head.kill()
        self.head.wait(DEADLINE)
        await_end(self.guardian)
        self.log.close()


@pytest.fixture
def on_terminal(tmp_path):
    made = []

    def make(shell=""):
        made.append(OnTerminal(tmp_path / "home", shell=shell))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("shell", ["", " ", "&"], ids=["at its head", "in the foreground", "in the background"])
def test_on_a_terminal_the_signal_reloads_and_the_hang_up_ends(on_terminal, shell):
    job = on_terminal(shell)
    for pid in (job.guardian, job.server):
        os.kill(pid, signal.SIGHUP)
        job.log.until("reloaded")
    job.hang_up()
    assert "stopped" in job.ends()


def test_a_terminal_that_goes_just_after_the_signal_takes_the_server_with_it(on_terminal):
    """Disowned by its shell, the server is told once, by a process, and never of the terminal's end."""
    job = on_terminal("& disown -h %1")
    began = time.monotonic()
    os.kill(job.server, signal.SIGHUP)
    job.hang_up()
    if time.monotonic() - began > 0.9:  # we stood still, and it has looked in vain: once more, then
        with contextlib.suppress(ProcessLookupError):
            os.kill(job.server, signal.SIGHUP)
    assert "stopped" in job.ends()


def test_a_shell_that_is_told_to_hang_up_takes_the_server_with_it(on_terminal):
    """It passes the signal on while the terminal is still there, and takes that with it when it ends."""
    job = on_terminal("&")
    os.kill(job.head.pid, signal.SIGHUP)
    assert "stopped" in job.ends()
