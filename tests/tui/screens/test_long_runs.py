"""Runs that are far longer than a screen, or than memory should hold."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from clinvk.domain.run import RunState
from tests.tui.conftest import Person
from tests.tui.samples import a_run
from tests.tui.telling import LongServer
from tui.console import Console
from tui.reading.window import Window
from tui.screens.run import RunScreen


@pytest.fixture
def long_server() -> LongServer:
    return LongServer()


@asynccontextmanager
async def long_run(
    server: LongServer, count: int, event: Callable[[int], dict[str, Any]]
) -> AsyncIterator[Person]:
    run = a_run(7, RunState.COMPLETED, events=count)
    server.put(run)
    server.count, server.event = count, event
    console = Console(server, owns_server=True, clock=server.clock)
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    try:
        async with console.run_test(size=(80, 24), notifications=True) as pilot:
            await console.push_screen(RunScreen(run.id))
            yield Person(console, pilot)
    finally:
        loop.set_task_factory(factory)


def window_of(person: Person) -> Window:
    screen = person.console.screen
    assert isinstance(screen, RunScreen)
    assert screen.window
    return screen.window


async def test_a_run_of_200000_events_is_opened_at_its_end_and_scrolled(long_server: LongServer) -> None:
    def event(seq: int) -> dict[str, Any]:
        return {"type": "text.delta", "block": "1", "text": f"event {seq}\n"}

    async with long_run(long_server, 200_000, event) as person:
        await person.sees("event 199999", "200k events")
        assert long_server.reads < 5_000
        for _ in range(30):
            await person.press("pageup")
        await person.sees_no("event 199999")
        assert window_of(person).at_begin is False
        await person.press("g")
        await person.sees("  event 0", "  event 10")
        await person.press("G")
        await person.sees("event 199999")
        assert long_server.reads < 40_000
        assert window_of(person).size < 2 << 20


async def test_one_line_of_ten_megabytes_is_opened_scrolled_and_searched(long_server: LongServer) -> None:
    def event(seq: int) -> dict[str, Any]:
        text = f"<{seq}> " + "lorem ipsum " * 1000 + ("NEE" if seq == 700 else "dle " if seq == 701 else "")
        return {"type": "text.delta", "block": "1", "text": "dle " + text if seq == 701 else text}

    async with long_run(long_server, 850, event) as person:
        await person.sees("lorem ipsum", "850 events")
        await person.press("pageup", "pageup", "g")
        await person.sees("<0> lorem")
        await person.press("slash", *"needle", "enter")
        await person.sees("▶ ", "NEEdle")
        assert window_of(person).size < 3 << 20
        await person.press("n")
        await person.sees("is not found from here to the end")
