"""The view over rows, on the screen of a run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.events import MouseScrollUp

from clinvk.domain.run import RunState
from tests.tui.conftest import Open, Person
from tests.tui.samples import a_run
from tests.tui.scripted import Server
from tui.screens.run import RunScreen
from tui.widgets.lines import Lines


@asynccontextmanager
async def lines_of(server: Server, open_console: Open, *texts: str) -> AsyncIterator[tuple[Person, Lines]]:
    run = a_run(7, RunState.COMPLETED, events=len(texts))
    server.put(run)
    server.say(run.id, *({"type": "text.delta", "block": "1", "text": text} for text in texts))
    async with open_console((80, 24)) as person:
        screen = RunScreen(run.id)
        await person.console.push_screen(screen)
        await person.until(lambda: screen.lines.rows.end > 0)
        yield person, screen.lines


def marked(lines: Lines, person: Person) -> list[str]:
    """The texts that are drawn as found, in the order of the screen."""
    found = person.console.look.found
    strips = [lines.render_line(y) for y in range(lines.size.height)]
    return [
        piece.text
        for strip in strips
        for piece in strip
        if piece.style and piece.style.bgcolor == found.bgcolor and piece.text.strip()
    ]


async def test_the_wheel_scrolls_and_ends_following(server: Server, open_console: Open) -> None:
    async with lines_of(server, open_console, *(f"event {n}\n" for n in range(100))) as (person, lines):
        await person.sees("event 99", "▼ end")
        lines.on_mouse_scroll_up(MouseScrollUp(lines, 1, 1, 0, -1, 0, False, False, False))
        await person.sees("‖ ")
        assert not lines.rows.follow


async def test_a_click_on_the_scroll_bar_leads_there(server: Server, open_console: Open) -> None:
    async with lines_of(server, open_console, *(f"event {n}\n" for n in range(100))) as (person, lines):
        await person.sees("event 99")
        await person.pilot.click(lines, offset=(79, 0))
        await person.sees("event 0 ", "event 10 ")
        await person.pilot.click(lines, offset=(79, lines.size.height - 1))
        await person.sees("event 99")


async def test_what_is_wanted_is_marked_across_a_broken_line(server: Server, open_console: Open) -> None:
    async with lines_of(server, open_console, "x" * 73 + "need" + "le and a Needle") as (person, lines):
        lines.wanted = "NEEDLE"
        lines.beat()
        assert marked(lines, person) == ["nee", "dle", "Needle"]


async def test_nothing_is_drawn_anew_where_nothing_changed(server: Server, open_console: Open) -> None:
    async with lines_of(server, open_console, "hello") as (person, lines):
        await person.sees("hello")
        drawn = 0

        def count(*_: object, **__: object) -> Lines:
            nonlocal drawn
            drawn += 1
            return lines

        lines.beat()
        lines.refresh = count  # type: ignore[method-assign,assignment]
        for _ in range(5):
            lines.beat()
        assert drawn == 0
