"""A terminal and its shell see one job."""

import os
import shlex
import shutil
import signal
import subprocess
import termios
import uuid

import pytest

from clinvk import processes

SHELL = ("bash", "--norc", "--noprofile", "-i")


@pytest.fixture
def shell(terminal):
    """An interactive shell, asking for its first command."""
    job = terminal.run(*SHELL)
    terminal.expect("prompt> ")
    return job


@pytest.fixture
def run(terminal, shell, standin, reports):
    """Type the command of a stand-in into the shell; what it says when it is up."""

    def run(*actions, end=""):
        terminal.type(f"{shlex.join(standin(*actions))} {end}\n")
        return reports.until("ready")[-1]

    return run


def probe(reports, server):
    """The reports up to now."""
    os.kill(server["ppid"], signal.SIGRTMIN)
    *seen, _ = reports.until("SIGRTMIN")
    return seen


def test_ctrl_c_reaches_the_server_once(terminal, run, reports):
    server = run()
    for _ in range(10):
        terminal.type("\x03")
        (told,) = reports.until("SIGINT")
        assert told["by_kernel"]
    assert probe(reports, server) == []


def test_ctrl_c_reaches_the_server_once_without_a_shell(terminal, standin):
    job = terminal.run(*standin())
    job.reports.until("ready")
    for _ in range(10):
        terminal.type("\x03")
        (told,) = job.reports.until("SIGINT")
        assert told["by_kernel"]
    assert job.probe() == []


def test_ctrl_z_gives_the_shell_back_and_fg_continues(terminal, run, reports, ended):
    server = run()
    for _ in range(3):
        terminal.type("\x1a")
        terminal.expect("Stopped")
        terminal.expect("prompt> ")
        assert processes.read(server["pid"]).state == "T"
        assert processes.read(server["ppid"]).state == "T"
        terminal.type("fg\n")
        reports.until("SIGCONT")
        probe(reports, server)
    assert terminal.holder() == server["pgid"]
    os.kill(server["ppid"], signal.SIGTERM)
    terminal.expect("prompt> ")
    ended(server["ppid"])
    assert reports.rest()[-1]["event"] == "SIGTERM"


def test_sigstop_to_the_server_gives_the_shell_back_too(terminal, run, reports):
    server = run()
    os.kill(server["pid"], signal.SIGSTOP)
    terminal.expect("Stopped")
    terminal.expect("prompt> ")
    terminal.type("fg\n")
    reports.until("SIGCONT")
    probe(reports, server)


def test_a_stopped_job_goes_on_in_the_background_and_ends(terminal, run, reports, ended):
    server = run("deaf", "orphan")
    terminal.type("\x1a")
    terminal.expect("prompt> ")
    terminal.type("bg\n")
    reports.until("SIGCONT")
    terminal.type("kill %1\n")
    assert "SIGTERM" in [report["event"] for report in reports.rest()]
    ended(server["ppid"])


def test_a_stopped_job_can_be_killed(terminal, run, reports, ended):
    server = run("deaf", "orphan")
    terminal.type("\x1a")
    terminal.expect("prompt> ")
    terminal.type("kill %1\n")
    assert "SIGTERM" in [report["event"] for report in reports.rest()]
    ended(server["ppid"])


def test_a_job_in_the_background_leaves_the_terminal_to_the_shell(terminal, shell, run, reports, ended):
    server = run("deaf", "setsid", end="&")
    terminal.expect("prompt> ")
    assert terminal.holder() == shell.pid
    terminal.type("kill %1\n")
    assert "SIGTERM" in [report["event"] for report in reports.rest()]
    ended(server["ppid"])


@pytest.mark.parametrize("end", ["", "&"])
def test_a_hang_up_ends_everything(terminal, run, reports, ended, end):
    server = run("setsid", "orphan", "deaf", end=end)
    terminal.hang_up()
    assert "SIGHUP" in [report["event"] for report in reports.rest()]
    ended(server["ppid"])


def test_a_hang_up_ends_everything_without_a_shell(terminal, standin):
    """The kernel then tells the guardian alone: it leads the session."""
    job = terminal.run(*standin("setsid", "orphan", "deaf"))
    job.reports.until("ready")
    terminal.hang_up()
    assert "SIGHUP" in [report["event"] for report in job.reports.rest()]
    assert job.code() == 0


def test_a_disowned_job_survives_the_hang_up(terminal, shell, run, reports):
    server = run(end="& disown -h %1")
    terminal.expect("prompt> ")
    terminal.hang_up()
    shell.code()
    assert probe(reports, server) == []
    os.kill(server["pid"], signal.SIGKILL)
    assert reports.rest() == []


@pytest.mark.parametrize("console", [True, False])
def test_a_killed_server_leaves_the_terminal_as_it_was(terminal, standin, console):
    before = terminal.modes()
    command = standin("raw", *["--tui"] * console)
    job = terminal.run("bash", "-c", '"$@"; echo "ended $?"; read -r', "bash", *command)
    server = job.reports.until("ready")[-1]
    assert terminal.modes() != before
    os.kill(server["pid"], signal.SIGKILL)
    shown = terminal.expect("ended 137")
    assert terminal.modes() == before
    assert ("\x1b[?1049l" in shown) is console


def test_in_the_background_the_terminal_is_not_touched(terminal, standin):
    script = 'set -m; "$@"; bg; wait %1; echo "ended $?"; read -r'
    job = terminal.run("bash", "-c", script, "bash", *standin("--tui"))
    server = job.reports.until("ready")[-1]
    terminal.type("\x1a")
    job.reports.until("SIGCONT")
    modes = terminal.modes()
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal.screen, termios.TCSANOW, modes)
    os.kill(server["pid"], signal.SIGKILL)
    assert "\x1b[?1049l" not in terminal.expect("ended 137")
    assert terminal.modes() == modes


def test_in_tmux(standin, reports, ended, request):
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    tmux = ["tmux", "-L", f"clinvk-{uuid.uuid4().hex}", "-f", "/dev/null"]

    def tell(*command):
        return subprocess.run([*tmux, *command], check=False, timeout=30).returncode

    assert tell("new-session", "-d", "-x", "80", "-y", "24", shlex.join(SHELL)) == 0
    request.addfinalizer(lambda: tell("kill-server"))
    tell("send-keys", shlex.join(standin("setsid", "orphan", "deaf")), "Enter")
    server = reports.until("ready")[-1]
    tell("send-keys", "C-c")
    assert reports.until("SIGINT")[-1]["by_kernel"]
    tell("send-keys", "C-z")
    tell("send-keys", shlex.join([*tmux, "wait-for", "-S", "prompt"]), "Enter")
    assert tell("wait-for", "prompt") == 0
    assert processes.read(server["ppid"]).state == "T"
    tell("send-keys", "fg", "Enter")
    reports.until("SIGCONT")
    assert "SIGINT" not in [report["event"] for report in probe(reports, server)]
    tell("kill-server")
    assert "SIGHUP" in [report["event"] for report in reports.rest()]
    ended(server["ppid"])
