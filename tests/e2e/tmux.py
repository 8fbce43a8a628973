"""A terminal as a person has it: a shell in tmux, and the server that is started there."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import uuid

from clinvk import processes
from tests.e2e.conftest import DEADLINE, Served
from tests.guardian.conftest import await_end

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
MODES = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_sgr_flag} #{wrap_flag} #{keypad_flag}"


class Terminal(Served):
    """A shell in tmux, and the server that is started in it. HTTP as with every other server."""

    def __init__(self, home):
        self.home = home
        self.name = f"clinvk-{uuid.uuid4().hex}"
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {
            "HOME": str(home),
            "CLINVK_HOME": str(home / "clinvk"),
            "PS1": "prompt> ",
            "SHELL": "/bin/sh",
        }
        self.environment = {"LC_ALL": "C.UTF-8", **environment}
        self.tmux("new-session", "-d", "-x", "120", "-y", "40", "bash", "--norc", "--noprofile", "-i")
        self.terminal = int(self.tmux("display", "-p", "#{pid}"))
        self.sees("prompt>")
        self.before, self.stopped = self.modes(), False

    def tmux(self, *command):
        done = subprocess.run(
            ["tmux", "-L", self.name, "-f", "/dev/null", *command],
            env=self.environment, check=True, timeout=DEADLINE, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout.decode()

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    @property
    def text(self):
        return self.tmux("capture-pane", "-p", "-J")

    def sees(self, *texts):
        """What is shown once all of `texts` are."""
        deadline = time.monotonic() + DEADLINE
        while True:
            shown = self.text
            if all(text in shown for text in texts):
                return shown
            assert time.monotonic() < deadline, f"{texts} did not come:\n{shown}"

    def modes(self):
        """Those that a program finds, as `stty` and tmux tell them. The shell is at its prompt."""
        told = self.home / "modes"
        told.unlink(missing_ok=True)
        self.type("-l", f"stty -a > {shlex.quote(str(told))}; echo told $?")
        self.type("Enter")
        self.sees("told 0")
        self.type("C-l")
        return told.read_text(), self.screen()

    def modes_of_job(self):
        """Those that the running job has."""
        device = self.tmux("display", "-p", "#{pane_tty}").strip()
        stty = subprocess.run(["stty", "-a", "-F", device], check=True, stdout=subprocess.PIPE, timeout=DEADLINE)
        return stty.stdout.decode(), self.screen()

    def screen(self):
        return self.tmux("display", "-p", MODES)

    def serve(self, end="; echo over $?", command=(sys.executable, "-m", "clinvk")):
        """Have the shell start the server."""
        self.tmux("clear-history")
        argv = [*command, "serve", "--tui", "--port", "0"]
        self.type("-l", f"cd {shlex.quote(str(self.home))}; {shlex.join(argv)} {end}")
        self.type("Enter")

    def up(self):
        """The console stands there."""
        shown = self.sees("up ", "1 Runs", "127.0.0.1")
        self.port = int(ADDRESS.search(shown).group(1))

    @property
    def pid(self):
        """The server's own."""
        shell = int(self.tmux("display", "-p", "#{pane_pid}"))
        family = processes.descendants(shell, processes.table())
        guardian = next(row.pid for row in family if row.ppid == shell)
        return next(row.pid for row in family if row.ppid == guardian)

    def leave(self, key):
        self.type("q")
        self.sees("Leave the console")
        self.type(key)

    def stop_reading(self):
        os.kill(self.terminal, signal.SIGSTOP)
        self.stopped = True

    def read_on(self):
        os.kill(self.terminal, signal.SIGCONT)
        self.stopped = False

    def end(self):
        if self.stopped:
            self.read_on()
        shell = int(self.tmux("display", "-p", "#{pane_pid}"))
        family = processes.descendants(shell, processes.table())
        self.tmux("kill-server")
        for pid in (self.terminal, shell, *(row.pid for row in family)):
            await_end(pid)
