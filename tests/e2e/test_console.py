"""`clinvk serve --tui` as a person meets it: in a terminal, under a shell, to the end."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack
from pathlib import Path

import pytest

from clinvk import processes
from tests import ndjson
from tests.e2e.conftest import DEADLINE, Served, until
from tests.guardian.conftest import await_end

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
MODES = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_sgr_flag} #{wrap_flag} #{keypad_flag}"
CRASHING = """\
import sys
from clinvk.__main__ import main
from tui.console import Console
Console.action_help = lambda self: 1 / 0
sys.exit(main())
"""


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


@pytest.fixture
def terminal(tmp_path):
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.end()


@pytest.fixture
def console(terminal):
    """A server whose console stands there."""
    terminal.serve()
    terminal.up()
    return terminal


@pytest.mark.e2e
def test_the_console_stands_there_while_http_is_answered_and_nothing_spoils_it(console):
    prompts = [f"question {number}" for number in range(5)]
    assert all(console.prompt(prompt)["output"] for prompt in prompts)
    shown = console.sees(*prompts, "0 live")
    assert "INFO" not in shown
    server, log = console.pid, console.home / "clinvk" / "console.log"
    assert [Path(f"/proc/{server}/fd/{fd}").readlink() for fd in (1, 2)] == [log] * 2
    until(lambda: log.read_text().count("access: request") >= 5)  # a request is logged after its answer
    assert log.read_text().count("access: request") == 5
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.e2e
def test_left_headless_the_server_goes_on_and_says_how_it_is_stopped(console):
    console.leave("h")
    console.sees("Press Ctrl+C to stop", "the console is closed. The server goes on without it; Ctrl+C stops it.")
    assert console.modes_of_job() == console.before
    assert console.json("GET", "/health")["status"] == "ok"
    console.sees("access: request")
    console.type("C-c")
    console.sees("over 0")


@pytest.mark.e2e
def test_left_to_drain_the_server_ends_with_the_last_run(console):
    with ExitStack() as open_:
        answer = console.stream("/steady 20 4")
        open_.callback(answer.close)
        child = ndjson.until(answer, "run.started")["pid"]
        ndjson.until(answer, "text.delta")
        os.kill(child, signal.SIGSTOP)  # it ends when all that is to be seen before that was seen
        console.leave("d")
        console.sees("the server ends with the last live one")
        assert console.json("GET", "/api/v1/status")["draining"] is True
        refused = console.json("POST", "/api/v1/prompt", {"backend": "demo", "prompt": "hello"})
        assert (refused["status"], refused["title"]) == (503, "Shutting Down")
        os.kill(child, signal.SIGCONT)
        assert ndjson.until(answer, "run.finished")["state"] == "completed"
    console.sees("over 0")
    assert console.modes() == console.before


@pytest.mark.e2e
def test_while_it_drains_ctrl_c_hurries(console):
    console.start("/hang")
    console.leave("d")
    console.sees("the server ends with the last live one")
    while "state=cancelled" not in console.text:  # what comes within half a second is taken for the same wish
        console.type("C-c")
    console.sees("app: stopped")


@pytest.mark.e2e
def test_left_to_stop_the_server_ends_at_once(console):
    console.start("/hang")
    console.leave("s")
    console.sees("over 0")
    assert console.modes() == console.before


@pytest.mark.e2e
def test_a_signal_ends_console_and_server(console):
    os.kill(console.pid, signal.SIGTERM)
    console.sees("over 0", "stopped")
    assert console.modes() == console.before


@pytest.mark.e2e
def test_a_killed_server_leaves_the_terminal_sane(console):
    os.kill(console.pid, signal.SIGKILL)
    console.sees("over 137")
    assert console.modes() == console.before


@pytest.mark.e2e
def test_a_server_that_is_stopped_gives_the_shell_back_and_fg_shows_the_console_again(console):
    os.kill(console.pid, signal.SIGSTOP)
    console.sees("Stopped")
    assert console.modes() == console.before
    console.type("fg", "Enter")
    console.up()
    assert console.json("GET", "/health")["status"] == "ok"
    console.leave("s")
    console.sees("app: stopped")
    assert console.modes() == console.before


@pytest.mark.e2e
def test_a_crash_of_the_console_leaves_the_server_and_the_terminal_sane(terminal):
    crashing = terminal.home / "crashing.py"
    crashing.write_text(CRASHING)
    terminal.serve(command=("env", f"PYTHONPATH={Path.cwd()}", sys.executable, str(crashing)))
    terminal.up()
    terminal.type("?")
    terminal.sees(
        "ZeroDivisionError", "clinvk: the console crashed. The server goes on without it; Ctrl+C stops it."
    )
    assert terminal.modes_of_job() == terminal.before
    assert terminal.json("GET", "/health")["status"] == "ok"
    terminal.type("C-c")
    terminal.sees("over 0")


@pytest.mark.e2e
def test_in_the_background_there_is_no_console(terminal):
    terminal.serve("&")
    shown = terminal.sees("clinvk: no console: it was started in the background. The server goes on without it")
    terminal.port = int(ADDRESS.search(shown).group(1))
    assert terminal.json("GET", "/health")["status"] == "ok"
    terminal.type("kill %1", "Enter", "wait", "Enter")
    terminal.sees("Done")


@pytest.mark.e2e
def test_a_dumb_terminal_has_no_console(terminal):
    terminal.serve(command=("env", "TERM=dumb", sys.executable, "-m", "clinvk"))
    shown = terminal.sees("clinvk: no console: TERM does not name a terminal that can show it. The server goes on")
    terminal.port = int(ADDRESS.search(shown).group(1))
    assert terminal.json("GET", "/health")["status"] == "ok"
    terminal.type("C-c")
    terminal.sees("over 0")


@pytest.mark.e2e
def test_without_a_terminal_there_is_no_console(tmp_path):
    served = Served(tmp_path, "--tui")
    try:
        assert served.json("GET", "/health")["status"] == "ok"
        assert "clinvk: no console: standard input is not a terminal." in served.log.read_text()
    finally:
        served.end()


@pytest.mark.e2e
def test_a_terminal_that_reads_nothing_holds_no_request_up_and_is_right_afterwards(console):
    server = console.pid
    console.stop_reading()
    for _ in range(40):
        os.kill(server, signal.SIGWINCH)  # each is a whole frame: together far more than is kept anywhere
        assert console.json("GET", "/health")["status"] == "ok"
    assert console.prompt("the last question")["output"]
    console.read_on()
    late = _settled(console)
    console.tmux("resize-window", "-x", "121")  # paints all of it
    console.tmux("resize-window", "-x", "120")
    until(lambda: _lasting(console.text) == late)


def _settled(console):
    """The screen of the last run's end, once what it had still to take makes no difference to it any more."""
    before, now = None, [""]
    while now != before:
        before, now = now, _lasting(console.sees("the last question", "completed", "0 live"))
    return now


def _lasting(shown):
    """A screen without what changes by the second: numbers, their units, and the room that is left for them."""
    return [re.sub(r"\s*[\d.▁▂▃▄▅▆▇█]+(?:(?:ms|s|m)\b)?\s*", " # ", line).rstrip() for line in shown.splitlines()]
