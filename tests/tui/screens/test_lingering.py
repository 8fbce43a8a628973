"""What a run left on purpose, at the console: marked, told, looked at and ended."""

from dataclasses import replace

import pytest

from clinvk.domain.run import RunState, StopCause
from clinvk.views import Inspection, ProcessView, Resources, RunView
from tests.tui.conftest import Open
from tests.tui.samples import a_run, at
from tests.tui.scripted import Server
from tui.screens.run import RunScreen


@pytest.fixture
def run(server: Server) -> RunView:
    """One that has ended, and what it left lives on for five minutes more."""
    view = a_run(7, RunState.COMPLETED, lingers_until=at(-300), resources=Resources(2, 90 << 20, 0.4))
    server.put(view, a_run(6, RunState.COMPLETED))
    server.inspection = Inspection((ProcessView(4008, 4007, "npm run dev", "S", 80 << 20, 3.4, 12.0),), "")
    return view


async def test_the_list_finds_it_until_it_is_over(server: Server, run: RunView, open_console: Open) -> None:
    async with open_console() as person:
        await person.press("slash", *"state:lingering", "enter")
        await person.sees("prompt number 7", "90M")
        await person.sees_no("prompt number 6")
        server.runs_[run.id] = replace(run, lingers_until=None, resources=None)
        await person.sees_no("prompt number 7")


async def test_its_screen_tells_how_long_and_shows_its_processes(
    server: Server, run: RunView, open_console: Open
) -> None:
    async with open_console() as person:
        person.console.push_screen(RunScreen(run.id))
        await person.sees("what it left ends in 5m")
        await person.press("shift+tab", "left", "left")
        await person.sees("lingers until")
        await person.press("right", "right")
        await person.sees("npm run dev")
        server.runs_[run.id] = replace(run, lingers_until=None, resources=None)
        await person.sees("its processes with it")


async def test_to_cancel_it_ends_what_it_left(server: Server, run: RunView, open_console: Open) -> None:
    async with open_console() as person:
        await person.sees("prompt number 7")
        await person.press("slash", *"state:lingering", "enter")
        await person.sees_no("prompt number 6")
        await person.press("c")
        await person.sees("Cancel this run?")
        await person.press("y")
        await person.until(lambda: server.asked == [("stop", run.id, StopCause.CONSOLE)])
