"""`clinvk tui`: what it needs, what it says where that is missing, and its end."""

import os
import socket
import subprocess
import sys

import pytest

from tests.guardian import conftest as guarded
from tests.tui.terminal.conftest import Terminal

KEY = "dummy-key-31337"

reports = guarded.reports
launch = guarded.launch


@pytest.fixture
def terminal(launch, reports, tmp_path):
    terminal = Terminal(launch, reports, tmp_path / "console.log")
    yield terminal
    terminal.hang_up()


@pytest.fixture
def on_terminal(terminal, tmp_path):
    """Starts the command on a terminal, and says what was shown when it had ended; its exit code too."""

    def start(*options, **variables):
        home = str(tmp_path / "home")
        return terminal.run(
            sys.executable, "-m", "clinvk", "tui", *options, CLINVK_HOME=home, HOME=str(tmp_path), **variables
        )

    return start


@pytest.fixture
def nobody():
    """A URL where no server is, nor comes."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def piped(*options, **variables):
    """Its exit code, and what it says, without a terminal."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "clinvk", "tui", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment | variables,
        timeout=50,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_without_a_terminal_it_says_so():
    assert piped() == (1, "clinvk: the console cannot be shown: standard input is not a terminal\n")


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://a"])
def test_a_url_that_is_none_is_wrong_usage(url):
    code, told = piped("--url", url)
    assert code == 2
    assert told.startswith(f"clinvk: '{url}' is no URL of a server")


@pytest.mark.parametrize("variables", [{}, {"MY_KEY": ""}, {"MY_KEY": " "}])
def test_a_variable_that_was_named_must_hold_a_key(variables):
    told = "clinvk: the environment has no MY_KEY, which --api-key-env names\n"
    assert piped("--api-key-env", "MY_KEY", **variables) == (2, told)


@pytest.mark.parametrize("options", [("--api-key-env", "MY_KEY"), ()])
def test_a_key_that_cannot_be_sent_is_not_told(options):
    code, told = piped(*options, **{"MY_KEY" if options else "CLINVK_API_KEY": "schlüssel 31337"})
    assert (code, "31337" in told) == (2, False)
    assert "the API key" in told


def test_where_no_server_is_it_says_so_and_leaves_the_screen_alone(terminal, on_terminal, nobody):
    job = on_terminal("--url", nobody)
    assert job.code() == 1
    assert terminal.rest() == f"clinvk: {nobody} refused the connection: is `clinvk serve` running there?\r\n"


def test_a_small_terminal_is_told_of(terminal, on_terminal, nobody):
    terminal.resize(30, 5)
    job = on_terminal("--url", nobody)
    assert job.code() == 1
    assert "the console cannot be shown: 30×5 is too small" in terminal.rest()


@pytest.mark.e2e
class TestOfAServer:
    @pytest.fixture
    def served(self, configured):
        return configured().served

    def test_it_shows_its_runs_and_ends_with_0(self, terminal, on_terminal, served):
        served.prompt("a prompt to be seen from afar")
        before = terminal.modes()
        job = on_terminal("--url", f"http://127.0.0.1:{served.port}", CLINVK_API_KEY=KEY)
        terminal.expect("seen from afar")
        terminal.type("q")
        shown = terminal.expect("\x1b[?1049l")
        assert job.code() == 0
        assert KEY not in shown
        assert terminal.modes() == before
        assert served.call("GET", "/health").status == 200

    def test_a_server_that_ends_is_waited_for(self, terminal, on_terminal, served):
        terminal.resize(160, 40)
        job = on_terminal("--url", f"http://127.0.0.1:{served.port}")
        terminal.expect("127.0.0.1")
        served.end()
        terminal.expect("refused the connection")
        terminal.type("q")
        assert job.code() == 0
