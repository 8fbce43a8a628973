"""Whatever a page sends, and however fast: the loop is not held, and the console stays."""

import asyncio

import pytest
from textual.widgets import Input

from tests.tui.conftest import DEADLINE
from tests.tui.scripted import Server
from tests.tui.visits import Page, visiting
from tui.terminal import input as terminal_input
from tui.terminal.input import LARGEST_PASTE, MOST_KEYS
from tui.web import Visit


def typed(visit: Visit) -> str:
    """What stands in the field that has the focus."""
    field = visit._console.focused
    return field.value if isinstance(field, Input) else ""


async def test_a_flood_of_text_goes_whole_into_a_field_a_slice_at_a_time(server: Server) -> None:
    page = Page()
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        lengths = set()
        async with asyncio.timeout(DEADLINE):
            feeding = asyncio.create_task(visit.feed("/" + "xyz " * 1000))
            while len(typed(visit)) < 4000:
                lengths.add(len(typed(visit)))  # others have their turns between two slices
                await asyncio.sleep(0)
            await feeding
        assert typed(visit) == "xyz " * 1000
        assert len(lengths) > 10


@pytest.mark.parametrize("piece", [7, 2048])
async def test_a_paste_in_pieces_arrives_whole(
    server: Server, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(terminal_input, "_TICK_SECS", DEADLINE)  # the next piece comes, however late
    page = Page()
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        text = "/\x1b[200~" + "é" * 3000 + "\x1b[201~"
        async with asyncio.timeout(DEADLINE):
            for at in range(0, len(text), piece):
                await visit.feed(text[at : at + piece])
            while typed(visit) != "é" * 3000:
                await asyncio.sleep(0)


async def test_of_a_flood_of_keys_only_so_many_act(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page()
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        assert visit._driver is not None
        keys: list[str] = []
        monkeypatch.setattr(visit._driver._input, "_receive", lambda message: keys.append(message.key))
        async with asyncio.timeout(DEADLINE):
            await visit.feed("x" * 16_000)
        assert keys == ["x"] * MOST_KEYS


async def test_a_paste_that_is_too_large_is_dropped_to_its_end_and_keys_act_again(server: Server) -> None:
    page = Page()
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        assert visit._driver is not None
        visit._driver._input._unread = LARGEST_PASTE
        await visit.feed("\x1b[200~")
        for _ in range(3):
            await visit.feed("q" * 300)
        await visit.feed("q\x1b[20")
        await visit.feed("1~?")
        await page.sees("Leave the console")


async def test_what_no_terminal_sends_does_no_harm(server: Server) -> None:
    page = Page()
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        await visit.feed("\x1b[99999999999u\x1b[97:65;2u\x1b[48;5000;5000;5000;5000t")
        await visit.feed("?")
        await page.sees("Leave the console")
        assert visit._console.size == (120, 40)


async def test_who_is_left_in_the_middle_of_a_flood_does_not_wait(server: Server) -> None:
    page = Page()
    async with visiting(server, page) as (visit, running):
        await page.sees("help")
        feeding = asyncio.create_task(visit.feed("x" * 16_000))
        await asyncio.sleep(0)
        assert not feeding.done()
        running.cancel()
        async with asyncio.timeout(DEADLINE):
            await feeding
            await asyncio.wait({running})
