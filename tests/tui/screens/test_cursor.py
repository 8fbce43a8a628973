"""Which run the cursor is on, and what that means for what is done to it."""

from tests.tui.conftest import Open
from tests.tui.samples import a_run, run_id
from tests.tui.scripted import Server
from tui.widgets.grid import Grid


async def test_until_somebody_moves_it_the_cursor_stays_on_top(server: Server, open_console: Open) -> None:
    server.put(a_run(1, age=30))
    async with open_console() as person:
        await person.sees("prompt number 1")
        grid = person.console.screen.query_one(Grid)
        server.put(a_run(2, age=20))
        await person.until(lambda: grid.cursor == run_id(2))
        await person.press("down")
        server.put(a_run(3, age=10))
        await person.sees("prompt number 3")
        assert grid.cursor == run_id(1)
        await person.press("g")
        server.put(a_run(4, age=5))
        await person.until(lambda: grid.cursor == run_id(4))


async def test_cancelling_at_once_asks_all_the_same_where_nobody_chose_the_run(
    server: Server, open_console: Open
) -> None:
    server.put(a_run(1))
    async with open_console() as person:
        await person.sees("prompt number 1")
        await person.press("C")
        await person.sees("Cancel this run?")
        assert server.asked == []
