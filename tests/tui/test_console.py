"""What holds on every screen of the console."""

import os

import pytest

from clinvk.monitor import Unreachable
from clinvk.views import Pulse
from tests.tui.conftest import Open, Person
from tests.tui.samples import a_run
from tests.tui.scripted import Server
from tui.console import Console, Leave
from tui.look import LIGHT

SCREENS = ("runs", "sessions", "backends", "requests", "log")


async def left_with(person: Person, leave: Leave) -> None:
    await person.until(lambda: person.console.return_value is leave)


async def test_the_header_tells_which_server_and_how_busy_it_is(server: Server, open_console: Open) -> None:
    server.put(a_run(1), a_run(2))
    server.pulse = Pulse((0,) * 50 + (10,) * 10, (0,) * 59 + (5,), 3.0, 0)
    async with open_console() as person:
        await person.sees("clinvk 0.1.0", "http://127.0.0.1:8080", "up 2h 30m", "2 live of 8", "0 queued")
        await person.sees("█ 10.0/s", "errors 5.0%", "loop 3ms")


async def test_a_narrow_header_keeps_what_counts(server: Server, open_console: Open) -> None:
    server.put(a_run(1))
    async with open_console((80, 24)) as person:
        await person.sees("http://127.0.0.1:8080", "1 live of 8", "5 Log", "0.0/s", "✗0%", "↻1ms")


async def test_a_server_that_is_away_is_told_of_in_the_header(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await person.sees("0 live")
        server.trouble = Unreachable("nobody listens there")
        await person.sees("⚠ nobody listens there")
        server.trouble = None
        await person.sees("0 live")


@pytest.mark.parametrize(("key", "name"), list(zip("12345", SCREENS, strict=True)))
async def test_a_number_leads_to_its_screen(key: str, name: str, open_console: Open) -> None:
    async with open_console() as person:
        await person.press(key)
        await person.until(lambda: person.console.current_mode == name)


async def test_a_click_on_its_title_leads_to_a_screen_too(open_console: Open) -> None:
    async with open_console() as person:
        await person.sees("Backends")
        x = person.lines[1].index("Backends")
        await person.pilot.click(offset=(x, 1))
        await person.until(lambda: person.console.current_mode == "backends")


async def test_help_tells_every_key_of_the_screen_and_closes(open_console: Open) -> None:
    async with open_console((120, 60)) as person:
        await person.press("question_mark")
        await person.sees(
            "Help: Runs", "Runs, Sessions, Backends, Requests, Log", "Light or dark", "Leave the console"
        )
        await person.press("escape")
        await person.sees_no("Help: Runs")


async def test_the_key_bar_can_be_clicked(open_console: Open) -> None:
    async with open_console() as person:
        await person.sees("? help")
        await person.pilot.click(offset=(person.lines[-1].index("? help"), 39))
        await person.sees("Help: Runs")


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_has_every_command(key: str, open_console: Open) -> None:
    async with open_console() as person:
        await person.press(key, *"light")
        await person.sees("^t: Light or dark")
        await person.press("enter")
        await person.until(lambda: person.console.theme == LIGHT.name)


async def test_ctrl_t_goes_from_dark_to_light_and_back(open_console: Open) -> None:
    async with open_console() as person:
        dark = person.console.look
        await person.press("ctrl+t")
        await person.until(lambda: person.console.look != dark)
        await person.press("ctrl+t")
        await person.until(lambda: person.console.look == dark)


async def test_q_asks_what_becomes_of_the_server(server: Server, open_console: Open) -> None:
    server.put(a_run(1))
    async with open_console() as person:
        await person.sees("1 live")
        await person.press("q")
        await person.sees("1 live and 0 queued runs", "Stay headless", "Drain", "Stop all")
        await person.press("escape")
        await person.sees_no("Stay headless")
        await person.press("q", "down", "enter")
        await left_with(person, Leave.DRAIN)


@pytest.mark.parametrize(("letter", "leave"), [("h", Leave.HEADLESS), ("d", Leave.DRAIN), ("s", Leave.STOP)])
async def test_a_letter_answers(letter: str, leave: Leave, open_console: Open) -> None:
    async with open_console() as person:
        await person.press("q")
        await person.sees("Nothing is running")
        await person.press(letter)
        await left_with(person, leave)


async def test_a_click_answers(open_console: Open) -> None:
    async with open_console() as person:
        await person.press("q")
        await person.sees("Stop all")
        row = next(y for y, line in enumerate(person.lines) if "Stop all" in line)
        await person.pilot.click(offset=(person.lines[row].index("Stop all"), row))
        await left_with(person, Leave.STOP)


async def test_answers_go_round_and_round(open_console: Open) -> None:
    async with open_console() as person:
        await person.press("ctrl+q", "k", "enter")
        await left_with(person, Leave.STOP)


async def test_ctrl_c_without_a_selection_asks_as_q_does(open_console: Open) -> None:
    async with open_console() as person:
        await person.press("ctrl+c")
        await person.sees("Stay headless")
        await person.press("ctrl+c")
        await person.sees_no("Stay headless")


async def test_ctrl_z_is_refused_since_it_would_stop_the_server(open_console: Open) -> None:
    async with open_console() as person:
        await person.press("ctrl+z")
        await person.sees("Ctrl-Z would stop the server too")


async def test_a_console_of_another_server_is_just_left(open_console: Open) -> None:
    async with open_console(owns_server=False) as person:
        await person.press("q")
        await person.until(lambda: not person.console.is_running)
        assert person.console.return_value is None


async def test_no_color_is_heeded_and_stays_in_the_servers_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(server, owns_server=True)
    assert console.no_color
    assert os.environ["NO_COLOR"] == "1"
