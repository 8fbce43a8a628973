"""The console takes a terminal, shares it with a shell, and gives it back."""

import os
import re
import signal
import stat

import pytest

from clinvk import guardian
from tests.tui.terminal.conftest import LINES
from tui.terminal.input import MOST_KEYS

LEFT = "\x1b[?1049l\x1b[?25h"
ENTERED = "\x1b[?1049h"


def switched(shown):
    """Which private modes were switched on, and off, at the end."""
    last = {
        number: way
        for numbers, way in re.findall(r"\x1b\[\?([\d;]+)([hl])", shown)
        for number in numbers.split(";")
    }
    return {number for number in last if last[number] == "h"}, {number for number in last if last[number] == "l"}


def test_what_is_switched_on_is_switched_off_here_and_by_the_guardian(terminal):
    job = terminal.start()
    terminal.type("\x1b[?2026;2$y\x1b[?2048;2$y")  # it knows both, which are off
    began = terminal.expect("\x1b[?2048h")
    terminal.type("q")
    left = terminal.told("left")
    assert job.code() == 0
    ended = terminal.expect(LEFT)
    for last in (ended, guardian.LEAVE_SCREEN.decode()):
        on, off = switched(began + last)
        assert on == {"7", "25"}
        assert off >= {"1049", "1000", "1003", "1006", "1004", "2004", "2048"}
        assert last.count("\x1b[<u") == 1
        assert last.index("\x1b[<u") < last.index("\x1b[?1049l")
    assert began.count("\x1b[>25u") == 1
    assert left["left"] == "left"
    assert left["blocking"]
    assert left["handled"] == []
    assert terminal.modes() == terminal.before


@pytest.mark.parametrize(
    ("typed", "event", "facts"),
    [
        ("é", "key", {"key": "é", "character": "é"}),
        ("\x1b[A", "key", {"key": "up", "character": None}),
        ("\x03", "key", {"key": "ctrl+c", "character": "\x03"}),
        ("\x1a", "key", {"key": "ctrl+z", "character": "\x1a"}),
        ("\x13", "key", {"key": "ctrl+s", "character": "\x13"}),
        ("\x1b", "key", {"key": "escape", "character": "\x1b"}),
        ("\x1b[13;5u", "key", {"key": "ctrl+enter", "character": None}),
        ("\x1b[200~two\nlines\x1b[201~", "paste", {"text": "two\nlines"}),
        ("\x1b[<0;5;6M", "mouse", {"at": [4, 5]}),
        ("\x1b[O", "blur", {}),
        ("\x1b[48;30;100;600;1000t", "resize", {"size": [100, 30]}),
        ("\x1b[48;5000;5000;5000;5000t", "resize", {"size": [500, 200]}),
    ],
)
def test_what_is_typed_arrives(terminal, typed, event, facts):
    terminal.start()
    terminal.type(typed)
    told = terminal.told(event)
    assert {name: told[name] for name in facts} == facts


def test_a_mouse_report_means_cells_also_where_the_terminal_tells_its_size_in_pixels(terminal):
    terminal.start()
    terminal.type("\x1b[48;30;100;600;1000t\x1b[<0;50;20M")
    assert terminal.told("mouse")["at"] == [49, 19]


def test_a_character_and_a_sequence_may_come_in_pieces(terminal):
    terminal.start(ESCDELAY="20000")  # milliseconds in which an escape is not taken for the key
    os.write(terminal.keyboard, "é".encode()[:1])
    os.write(terminal.keyboard, "é".encode()[1:] + b"\x1b")
    os.write(terminal.keyboard, b"[A")
    assert [terminal.told("key")["key"] for _ in range(2)] == ["é", "up"]


def test_another_size_of_the_window_is_seen(terminal):
    terminal.start()
    terminal.resize(100, 30)
    while terminal.told("resize")["size"] != [100, 30]:
        pass
    assert "\x1b[30;1H" in terminal.expect("\x1b[30;1H")


def test_of_a_window_that_is_too_large_a_part_is_used(terminal):
    terminal.start()
    terminal.resize(5000, 5000)
    while terminal.told("resize")["size"] != [500, 200]:
        pass


def test_a_flood_of_keys_leaves_room_for_others_and_what_follows_it_arrives(terminal):
    terminal.start()
    terminal.type("a" + "z" * 3000 + "\x1b[200~pasted\x1b[201~")
    before = [each for each in terminal.reports.until("alive") if each["event"] == "key"]
    after = [each for each in terminal.reports.until("paste") if each["event"] == "key"]
    assert len(before) < 200
    assert len(before) + len(after) == MOST_KEYS


def test_stray_output_goes_to_the_log_and_afterwards_to_the_terminal_again(terminal):
    terminal.start()
    terminal.type("w")
    assert terminal.told("written")["to"]
    terminal.type("q")
    terminal.told("left")
    assert "stray" not in terminal.rest()
    assert terminal.log.read_text() == "stray output\nstray error\n"
    assert stat.S_IMODE(terminal.log.stat().st_mode) == 0o600


def test_a_crash_leaves_the_terminal_sane_and_tells_its_cause_and_no_more(terminal):
    job = terminal.start()
    terminal.type("x")
    assert terminal.told("left")["left"] == "crashed: crashed on request"
    assert job.code() == 0
    assert LEFT in terminal.rest()
    assert terminal.modes() == terminal.before
    assert terminal.log.read_text() == ""


def test_the_loop_keeps_its_own_tasks(terminal):
    """Textual sets an eager factory where Python has one."""
    job = terminal.start()
    os.kill(job.pid, signal.SIGUSR1)
    assert terminal.told("alive")["own"]
    terminal.type("q")
    assert terminal.told("left")["own"]


def test_when_told_to_end_it_gives_the_terminal_back(terminal):
    job = terminal.start()
    os.kill(job.pid, signal.SIGTERM)
    assert terminal.told("left")["left"] is None
    assert LEFT in terminal.rest()
    assert terminal.modes() == terminal.before


def test_a_hang_up_ends_the_console_and_not_the_process(terminal):
    terminal.run("bash", "-c", 'trap "" HUP; "$@"', "bash", *terminal.command())
    terminal.reports.until("shown")
    terminal.hang_up()
    assert terminal.told("left")["left"] == "hung up"


def test_a_screen_that_takes_nothing_holds_nobody_up_and_is_right_afterwards(terminal):
    job = terminal.start("busy")
    terminal.stall(job)
    terminal.type("s")
    last = terminal.told("stopped")["version"]
    assert terminal.frame(last) == dict.fromkeys(range(1, LINES + 1), last)
    terminal.type("q")
    terminal.expect(LEFT)


def test_a_screen_that_takes_nothing_is_left_all_the_same(terminal):
    job = terminal.start("busy")
    terminal.stall(job)
    terminal.type("q")
    terminal.told("left")
    assert job.code() == 0
    assert terminal.rest().endswith(LEFT)
    assert terminal.modes() == terminal.before


def test_a_process_that_was_stopped_unawares_sets_the_screen_anew(terminal):
    job = terminal.start()
    terminal.frame()
    os.kill(job.pid, signal.SIGSTOP)
    os.kill(job.pid, signal.SIGCONT)
    terminal.expect(ENTERED)
    assert len(terminal.frame()) == LINES


@pytest.mark.parametrize("way", ["key", "signal"])
def test_stopped_it_gives_the_shell_back_and_fg_shows_it_again(terminal, way):
    terminal.shell("stoppable")
    if way == "key":
        terminal.type("\x1a")
    else:
        terminal.type("s")
        os.kill(terminal.told("stopped")["pid"], signal.SIGTSTP)
    assert LEFT in terminal.expect("prompt> ")
    terminal.type("fg\n")
    terminal.expect(ENTERED)
    assert len(terminal.frame()) == LINES
    terminal.type("q")
    assert terminal.told("left")["left"] == "left"
    terminal.expect("prompt> ")


def test_in_the_background_it_leaves_the_terminal_to_the_shell_and_comes_back_with_it(terminal):
    process = terminal.shell("stoppable", "busy")
    terminal.type("\x1a")
    terminal.expect("prompt> ")
    terminal.type("bg\n")
    terminal.expect("prompt> ")
    os.kill(process, signal.SIGUSR1)
    terminal.told("alive")
    terminal.type("echo a$((1))b\n")
    assert "\x1b[?1049h" not in terminal.expect("a1b")
    assert "version" not in terminal.rest()
    terminal.type("fg\n")
    terminal.expect(ENTERED)
    terminal.type("q")
    assert terminal.told("left")["left"] == "left"
