"""Where there can be no console, and the sentence that tells why."""

import pytest


def why(terminal):
    return terminal.told("unfit")["why"]


@pytest.mark.parametrize("name", ["", "dumb"])
def test_a_terminal_that_cannot_show_it(terminal, name):
    terminal.run(*terminal.command(), TERM=name)
    assert why(terminal) == "TERM does not name a terminal that can show it"


@pytest.mark.parametrize(
    ("redirected", "named"), [("</dev/null", "standard input"), (">/dev/null", "standard output")]
)
def test_no_terminal_at_all(terminal, redirected, named):
    terminal.run("bash", "-c", f'"$@" {redirected}', "bash", *terminal.command())
    assert why(terminal) == f"{named} is not a terminal"


@pytest.mark.parametrize(("columns", "lines"), [(39, 50), (200, 9)])
def test_a_window_too_small(terminal, columns, lines):
    terminal.resize(columns, lines)
    terminal.run(*terminal.command())
    assert why(terminal) == f"{columns}×{lines} is too small; it needs 40×10"


def test_the_smallest_window_that_does(terminal):
    terminal.resize(40, 10)
    terminal.run(*terminal.command())
    assert terminal.told("resize")["size"] == [40, 10]


def test_a_terminal_that_does_not_know_its_size_counts_as_a_usual_one(terminal):
    terminal.resize(0, 0)
    terminal.run(*terminal.command())
    assert terminal.told("resize")["size"] == [80, 24]


def test_a_job_in_the_background(terminal):
    terminal.run("bash", "-c", 'set -m; "$@" & wait', "bash", *terminal.command())
    assert why(terminal) == "it was started in the background"


def test_the_terminal_of_another_session(terminal):
    terminal.run("bash", "-c", 'setsid --wait "$@"', "bash", *terminal.command())
    assert why(terminal) == "the terminal belongs to another session"
