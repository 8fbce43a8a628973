"""What can be done with a run from the list."""

import pytest

from clinvk.domain.run import RunState, StopCause
from clinvk.monitor import Refused
from clinvk.views import RunView
from tests.tui.conftest import Open, Person
from tests.tui.samples import a_backend, a_run, run_id
from tests.tui.scripted import Server
from tui.dialogs import Question
from tui.screens.run import RunScreen
from tui.screens.runs import RunsScreen


async def with_runs(server: Server, person: Person, *runs: RunView) -> RunsScreen:
    """The screen, once the cursor is on one of the runs."""
    server.put(*runs)
    screen = person.console.screen
    assert isinstance(screen, RunsScreen)
    await person.until(lambda: screen.listing.total >= len(runs) and screen.grid.cursor is not None)
    return screen


async def test_c_asks_and_cancels(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1))
        await person.press("c")
        await person.until(lambda: isinstance(person.console.screen, Question))
        await person.press("y")
        await person.sees("⊘ cancelled")
        assert server.asked == [("stop", run_id(1), StopCause.CONSOLE)]


@pytest.mark.parametrize("answer", [["n"], ["escape"], ["j", "enter"], ["down", "enter"]])
async def test_a_cancel_that_was_thought_better_of_does_nothing(
    server: Server, open_console: Open, answer: list[str]
) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1))
        await person.press("c")
        await person.until(lambda: isinstance(person.console.screen, Question))
        await person.press(*answer)
        await person.until(lambda: isinstance(person.console.screen, RunsScreen))
        assert server.asked == []


async def test_shift_c_cancels_without_a_question(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1))
        await person.press("down", "C")
        await person.sees("⊘ cancelled")


@pytest.mark.parametrize("key", ["c", "C"])
async def test_a_run_that_has_ended_is_not_cancelled_and_says_so(
    server: Server, open_console: Open, key: str
) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1, RunState.COMPLETED))
        await person.press(key)
        await person.sees("ended already: completed")
        assert server.asked == []


async def test_r_starts_the_same_prompt_once_more_and_the_cursor_goes_to_it(
    server: Server, open_console: Open
) -> None:
    async with open_console() as person:
        screen = await with_runs(server, person, a_run(1, RunState.COMPLETED))
        await person.press("r")
        await person.until(lambda: screen.grid.cursor == run_id(900))
        assert server.asked == [("rerun", run_id(1), None)]


async def test_shift_r_asks_on_which_of_the_backends_that_are_there(server: Server, open_console: Open) -> None:
    server.backends_ = (a_backend("claude"), a_backend("codex", available=False), a_backend("demo"))
    async with open_console() as person:
        await with_runs(server, person, a_run(1, RunState.COMPLETED))
        await person.press("R")
        await person.until(lambda: isinstance(person.console.screen, Question))
        await person.sees("claude", "demo")
        assert "codex" not in person.text
        await person.press("enter")
        await person.until(lambda: server.asked == [("rerun", run_id(1), "claude")])


async def test_what_the_server_would_not_do_is_told(
    server: Server, open_console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(run_id: str, backend: str | None = None) -> RunView:
        raise Refused("the request was not [kept]")

    monkeypatch.setattr(server, "rerun", refuse)
    async with open_console() as person:
        await with_runs(server, person, a_run(1, RunState.COMPLETED))
        await person.press("r")
        await person.sees("the request was not [kept]")


async def test_y_copies_the_id(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1))
        await person.press("y")
        assert person.console.clipboard == run_id(1)


async def test_u_copies_the_request_as_curl(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1, request_as_curl="curl http://127.0.0.1:8080/x"))
        await person.press("u")
        await person.until(lambda: person.console.clipboard == "curl http://127.0.0.1:8080/x")


async def test_a_request_that_was_not_kept_is_told(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1))
        await person.press("u")
        await person.sees("was not kept")


async def test_enter_opens_the_run(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1), a_run(2, age=20.0))
        await person.press("j", "enter")
        await person.until(lambda: isinstance(person.console.screen, RunScreen))
