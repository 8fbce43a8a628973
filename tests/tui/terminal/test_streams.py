"""While the console has the screen, nothing else is written to it."""

import gc
import os
import stat
from pathlib import Path

import pytest

from tui.terminal import streams
from tui.terminal.streams import Streams


@pytest.fixture
def log(tmp_path):
    return tmp_path / "console.log"


@pytest.fixture
def terminal(monkeypatch):
    """Standard output and error, the latter a terminal: both are files that can be looked at afterwards."""
    real = os.dup(1), os.dup(2)
    monkeypatch.setattr(streams, "_is_terminal", lambda fd: fd == 2)
    yield
    for fd, held in zip((1, 2), real, strict=True):
        os.dup2(held, fd)
        os.close(held)


def put(fd, path):
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, fd)
    os.close(file)


def test_the_terminal_is_held_back_and_what_goes_elsewhere_goes_on(terminal, log, tmp_path):
    put(1, tmp_path / "out")
    put(2, tmp_path / "err")
    with Streams(log):
        os.write(1, b"out")
        os.write(2, b"held")
    os.write(2, b"err")
    assert (tmp_path / "out").read_text() == "out"
    assert (tmp_path / "err").read_text() == "err"
    assert log.read_text() == "held"


def test_they_are_given_back_whatever_happens(terminal, log, tmp_path):
    put(2, tmp_path / "err")
    with pytest.raises(RuntimeError), Streams(log):
        raise RuntimeError
    os.write(2, b"err")
    assert (tmp_path / "err").read_text() == "err"


def test_the_log_begins_anew_each_time_and_is_for_nobody_else(terminal, log, tmp_path):
    log.write_text("of last time")
    log.chmod(0o644)
    put(2, tmp_path / "err")
    with Streams(log):
        os.write(2, b"now")
    assert log.read_text() == "now"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_that_grows_is_cut(terminal, log, tmp_path):
    put(2, tmp_path / "err")
    with Streams(log, limit=10) as held:
        os.write(2, b"0123456789")
        held.cut()
        assert log.read_text() == "0123456789"
        os.write(2, b"!")
        held.cut()
        os.write(2, b"after")
    assert log.read_text() == "after"


def test_where_there_can_be_no_log_it_goes_nowhere(terminal, tmp_path):
    put(2, tmp_path / "err")
    with Streams(tmp_path / "missing" / "console.log") as held:
        os.write(2, b"lost")
        held.cut()
    assert (tmp_path / "err").read_text() == ""


def test_no_file_is_left_open(terminal, log, tmp_path):
    put(2, tmp_path / "err")
    gc.collect()  # which may close what others left
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Streams(log):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
