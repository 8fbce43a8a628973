"""`clinvk serve --tui` as a person meets it: in a terminal, under a shell, to the end."""

import os
import re
import shutil
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import ndjson
from tests.e2e.conftest import Served, until
from tests.e2e.tmux import ADDRESS, Terminal

CRASHING = """\
import sys
from clinvk.__main__ import main
from tui.console import Console
Console.action_help = lambda self: 1 / 0
sys.exit(main())
"""


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
