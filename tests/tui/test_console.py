"""What holds on every screen of the console."""

from tests.tui.conftest import Open
from tests.tui.scripted import Server, a_run
from tui.console import Leave


async def test_the_header_tells_which_server_and_how_busy_it_is(server: Server, open_console: Open) -> None:
    server.put(a_run(1), a_run(2))
    async with open_console() as person:
        await person.sees("http://127.0.0.1:8080", "2 live of 8")


async def test_q_asks_what_becomes_of_the_server(server: Server, open_console: Open) -> None:
    server.put(a_run(1))
    async with open_console() as person:
        await person.sees("1 live")
        await person.press("q")
        await person.sees("1 live and 0 queued runs", "Stay headless", "Drain", "Stop all")
        await person.press("down", "enter")
        await person.until(lambda: person.console.return_value is Leave.DRAIN)


async def test_a_console_of_another_server_is_just_left(open_console: Open) -> None:
    async with open_console(owns_server=False) as person:
        await person.press("q")
        await person.until(lambda: not person.console.is_running)
        assert person.console.return_value is None
