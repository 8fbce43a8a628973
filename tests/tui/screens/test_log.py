"""The log screen."""

from collections.abc import Iterable

import pytest

from clinvk.monitor import Unreachable
from clinvk.views import LogLine
from tests.tui.conftest import Open
from tests.tui.samples import at
from tests.tui.scripted import Server
from tests.tui.snapshot import SIZES, looks_as_kept
from tui.reading.loglist import KEPT_LINES, LogList

_SAID = (
    ("debug", "clinvk.store", "swept"),
    ("info", "clinvk.access", "request method=GET path=/health status=200"),
    ("warning", "clinvk.probe", "the CLI 'codex' is not there"),
    ("error", "clinvk.spool", "the spool fails\nTraceback (most recent call last):\n  OSError: No space left"),
)


def log_lines(count: int, first: int = 0) -> Iterable[LogLine]:
    for number in range(first, first + count):
        level, logger, message = _SAID[number % len(_SAID)]
        yield LogLine(number, at(100), level, logger, message)


@pytest.mark.parametrize("size", SIZES)
async def test_it_looks_as_kept(server: Server, open_console: Open, size: tuple[int, int]) -> None:
    server.lines += log_lines(8)
    async with open_console(size) as person:
        await person.press("5")
        await person.sees("• info     access", "8 lines")
        await looks_as_kept(person, "log")


async def test_lines_that_come_are_followed(server: Server, open_console: Open) -> None:
    server.lines += log_lines(100)
    async with open_console((80, 24)) as person:
        await person.press("5")
        await person.sees("▼ follows", "OSError: No space left")
        await person.press("up")
        await person.sees("‖ stays")
        server.lines.append(LogLine(100, at(0), "info", "clinvk", "the newest"))
        server.tell()
        await person.sees("101 lines")
        await person.sees_no("the newest")
        await person.press("F")
        await person.sees("the newest", "▼ follows")
        await person.press("g")
        await person.sees("· debug    store")


async def test_levels_are_chosen(server: Server, open_console: Open) -> None:
    server.lines += log_lines(4)
    async with open_console() as person:
        await person.press("5")
        await person.sees("swept")
        await person.press("l", "l")
        await person.sees("warning and above", "codex")
        await person.sees_no("path=/health")
        await person.press("l")
        await person.sees("error and above")
        await person.sees_no("codex")
        await person.press("l")
        await person.sees("all levels", "swept")


async def test_text_is_found_and_copied(server: Server, open_console: Open) -> None:
    server.lines += log_lines(40)
    async with open_console((80, 24)) as person:
        await person.press("5")
        await person.sees("40 lines")
        await person.press("g", "slash", *"CODEX", "enter")
        await person.sees("▶ ")
        await person.press("n", "N", "N")
        await person.sees("is not found from here back to the beginning")
        await person.press("escape")
        await person.sees_no("▶ ")
        await person.press("y")
        await person.until(lambda: "OSError" in person.console.clipboard)


async def test_a_server_that_is_away_is_waited_for(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        server.trouble = Unreachable("nobody answers")
        server.tell()
        await person.press("5")
        await person.sees("nobody answers")
        server.trouble = None
        server.lines += log_lines(4)
        await person.sees("swept")


def test_no_more_lines_are_kept_than_are_meant_to_be() -> None:
    rows = LogList()
    rows.put(log_lines(KEPT_LINES + 500))
    for _ in range(20):
        rows.beat()
    assert rows.count == KEPT_LINES
    rows.to_begin()
    assert rows.end - rows.base == KEPT_LINES // 4 * 6


def test_few_rows_are_made_at_once() -> None:
    rows = LogList()
    rows.put(log_lines(KEPT_LINES))
    for _ in range(20):
        rows.beat()
    rows.resize(40)
    assert rows.end - rows.base < 800
    rows.seen(rows.base, 20)
    assert 400 < rows.end - rows.base < 1600


def test_a_server_that_began_anew_is_shown_anew() -> None:
    rows = LogList()
    rows.put(log_lines(8))
    rows.beat()
    rows.put([LogLine(0, at(0), "info", "clinvk", "another life")])
    rows.beat()
    assert [rows.row(number).text[-12:] for number in range(rows.base, rows.end)] == ["another life"]
