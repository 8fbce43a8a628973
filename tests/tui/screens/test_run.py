"""The screen of one run: every tab and every key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import Input

from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import Exit, RunState, StopCause
from clinvk.monitor import Refused
from clinvk.views import CommandView, Inspection, ProcessView, Resources, RunView
from tests.tui.conftest import Open, Person
from tests.tui.samples import a_backend, a_run
from tests.tui.scripted import Server
from tests.tui.snapshot import SIZES, looks_as_kept
from tests.tui.telling import ANSWER, a_told_run, the_end
from tui.screens.run import RunScreen

CURL = "curl http://127.0.0.1:8080/api/v1/prompt -d '{}'"


def one_run(**said: Any) -> RunView:
    return a_run(
        7,
        events=22,
        model="demo-large",
        key_label="alice",
        resources=Resources(2, 92 << 20, 1.2),
        command=CommandView(("/usr/bin/demo", "--json"), "/home/ada/engine", ("HOME", "PATH"), "1.2.3"),
        request_as_curl=CURL,
        **said,
    )


@pytest.fixture
def run(server: Server) -> RunView:
    """A live run of `server`, with one of everything."""
    view = one_run()
    server.put(view)
    server.say(view.id, *a_told_run())
    server.backends_ = (a_backend("demo"), a_backend("claude"))
    server.inspection = Inspection(
        (
            ProcessView(4007, 1, "demo --json", "S", 88 << 20, 3.4, 12.0),
            ProcessView(4008, 4007, "bash -c cat", "R", 4 << 20, 0.1, 3.0),
        ),
        "Warning: a flag is old\n",
    )
    return view


@pytest.fixture
def failed(server: Server, run: RunView) -> RunView:
    """The same run, once it has failed."""
    error = RunError(ErrorCode.USAGE_LIMIT, "The limit is reached: wait", 3600)
    view = replace(
        run, state=RunState.FAILED, error=error, exit=Exit(1, None, "last words\n"), events=23, duration_ms=12_500
    )
    server.put(view)
    told = {"code": "usage_limit", "message": "The limit is reached: wait", "retry_after_secs": 3600}
    server.say(view.id, the_end("failed", error=told))
    return view


@asynccontextmanager
async def opened(open_console: Open, run: RunView, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Person]:
    async with open_console(size) as person:
        await person.console.push_screen(RunScreen(run.id))
        await person.sees(run.id)
        yield person


@pytest.mark.parametrize("size", SIZES)
async def test_it_looks_as_kept(failed: RunView, open_console: Open, size: tuple[int, int]) -> None:
    async with opened(open_console, failed, size) as person:
        await person.sees("✗ failed in 12s")
        await looks_as_kept(person, "run-output")
        await person.press("tab", "tab", "tab")
        await looks_as_kept(person, "run-explain")


async def test_the_output_is_shown_and_followed(server: Server, run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.sees("Read it once, and hand it on: 日本語 も。", "▼ follows")
        server.say(run.id, *({"type": "text.delta", "block": "1", "text": f"line {n}\n"} for n in range(60)))
        await person.sees("line 59")


async def test_scrolling_up_ends_following_and_the_end_takes_it_up(
    server: Server, run: RunView, open_console: Open
) -> None:
    async with opened(open_console, run, (80, 24)) as person:
        await person.sees("▼ follows", "日本語")
        await person.press("up")
        await person.sees("‖ ")
        server.say(run.id, *({"type": "text.delta", "block": "1", "text": f"line {n}\n"} for n in range(60)))
        await person.press("pageup", "k", "j", "pagedown")
        await person.sees_no("line 59")
        await person.press("G")
        await person.sees("▼ follows", "line 59")
        await person.press("F")
        await person.sees("‖ ")
        await person.press("F", "g")
        await person.sees("queued behind 2", "‖ ")


async def test_each_tab_shows_what_it_is_named_for(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.press("tab")
        await person.sees("run.queued", "position 2", "text.delta")
        await person.press("right")
        await person.sees(CURL)
        await person.press("right_square_bracket")
        await person.sees("/usr/bin/demo", "--json", "/home/ada/engine", "HOME, PATH", "cold", "1.2.3")
        await person.press("tab")
        await person.sees("Warning: a flag is old")
        await person.press("tab")
        await person.sees("4007  sleeps", "└─ bash -c cat", "88M")
        await person.press("tab")
        await person.sees("queued behind 2")
        await person.press("shift+tab")
        await person.sees("└─ bash -c cat")
        await person.press("left", "left_square_bracket")
        await person.sees("/usr/bin/demo")


async def test_a_tab_is_chosen_by_a_click(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        row = next(number for number, line in enumerate(person.lines) if "▸output" in line)
        await person.pilot.click(offset=(person.lines[row].index("explain") + 2, row))
        await person.sees("/usr/bin/demo")


async def test_what_a_run_said_last_is_there_once_it_has_ended(failed: RunView, open_console: Open) -> None:
    async with opened(open_console, failed) as person:
        await person.sees("usage_limit: The limit is reached: wait", "✗ failed")
        await person.press("shift+tab")
        await person.sees("its processes with it")
        await person.press("left")
        await person.sees("last words")
        await person.press("left")
        await person.sees("code 1", "1h 00m")


async def test_a_request_that_is_not_kept_says_why(server: Server, run: RunView, open_console: Open) -> None:
    server.put(replace(run, request_as_curl=None))
    async with opened(open_console, run) as person:
        await person.press("tab", "tab")
        await person.sees("session.store_content")
        await person.press("u")
        await person.sees("The request is not kept")


async def test_tools_are_unfolded_by_keys_and_by_a_click(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.sees("▸ list_files", "▸ Bash")
        await person.press("space")
        await person.sees("▾ list_files", "│ loader.py", "▸ Bash")
        await person.press("t", "enter")
        await person.sees("▾ Bash", "␛[31mrefused")
        await person.press("T", "space")
        await person.sees("▸ list_files", "▾ Bash")
        await person.press("z")
        await person.sees("▾ list_files", "▾ Bash")
        await person.press("z")
        await person.sees("▸ list_files", "▸ Bash")
        row = next(number for number, line in enumerate(person.lines) if "▸ Bash" in line)
        await person.pilot.click(offset=(6, row))
        await person.sees("▾ Bash")


async def test_cancelling_is_asked_for_and_told(server: Server, run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.press("c")
        await person.sees("Cancel this run?")
        await person.press("n")
        assert not server.asked
        await person.press("c")
        await person.sees("Cancel this run?")
        await person.press("y")
        await person.until(lambda: server.asked == [("stop", run.id, StopCause.CONSOLE)])
        await person.sees("⊘ cancelled")


async def test_the_bold_are_not_asked(server: Server, run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.press("C")
        await person.until(lambda: server.asked == [("stop", run.id, StopCause.CONSOLE)])


async def test_what_has_ended_is_not_cancelled(server: Server, failed: RunView, open_console: Open) -> None:
    async with opened(open_console, failed) as person:
        await person.press("c", "C")
        await person.sees("It has ended already: failed")
        assert not server.asked


async def test_what_the_server_refuses_is_told(server: Server, run: RunView, open_console: Open) -> None:
    async def refuse(*_: object) -> RunView:
        raise Refused("The server would not [at all]")

    async with opened(open_console, run) as person:
        server.rerun = refuse  # type: ignore[method-assign]
        await person.press("r")
        await person.sees("The server would not [at all]")


@pytest.mark.parametrize(("keys", "backend"), [(("r",), None), (("R", "c"), "claude")])
async def test_a_run_is_started_once_more_and_opened(
    server: Server, run: RunView, open_console: Open, keys: tuple[str, ...], backend: str | None
) -> None:
    async with opened(open_console, run) as person:
        await person.press(keys[0])
        for key in keys[1:]:
            await person.sees("Rerun on which backend?")
            await person.press(key)
        await person.until(lambda: server.asked == [("rerun", run.id, backend)])
        await person.sees("prompt number 900")
        await person.press("q")
        await person.until(lambda: not isinstance(person.console.screen, RunScreen))


async def test_the_answer_and_the_request_are_copied(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.press("y")
        await person.until(lambda: person.console.clipboard == ANSWER)
        await person.press("u")
        await person.until(lambda: person.console.clipboard == CURL)
        await person.press("tab", "y")
        await person.until(lambda: "run.queued" in person.console.clipboard)


async def test_text_is_found_across_events_and_left_again(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run, (80, 24)) as person:
        await person.sees("日本語")
        await person.press("g", "slash", *"CONFIGURATION twice", "enter")
        await person.sees("▶ The loader reads its configuration twice.")
        await person.press("n")
        await person.sees("is not found from here to the end")
        await person.press("escape")
        await person.sees_no("▶")
        await person.press("slash", *"cat", "enter")
        await person.until(lambda: isinstance(person.console.screen, RunScreen))
        await person.press("escape", "escape")
        await person.until(lambda: not isinstance(person.console.screen, RunScreen))


async def test_what_is_found_in_a_folded_tool_is_unfolded(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.press("g", "slash", *"boot.py", "enter")
        await person.sees("▾ list_files", "boot.py")


async def test_a_page_is_searched_too(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.press("tab", "tab", "tab", "slash", *"engine", "enter")
        await person.sees("▶ directory")
        await person.press("N")
        await person.sees("is not found from here back")


async def test_the_find_line_recalls_and_is_left(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.press("n")
        await person.until(lambda: isinstance(person.console.screen.focused, Input))
        await person.press("escape")
        await person.until(lambda: not isinstance(person.console.screen.focused, Input))


async def test_a_run_that_is_gone_is_told_of_and_left(server: Server, run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        del server.runs_[run.id]
        await person.sees("There is no run")
        await person.until(lambda: not isinstance(person.console.screen, RunScreen))


async def test_what_is_selected_can_be_copied(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run) as person:
        await person.sees("Read it once")
        row = next(number for number, line in enumerate(person.lines) if "The loader reads" in line)
        await person.pilot.mouse_down(offset=(2, row))
        await person.pilot.hover(offset=(12, row))
        await person.pilot.mouse_up(offset=(12, row))
        await person.press("ctrl+c")
        await person.until(lambda: person.console.clipboard.startswith("The loader"))
        await person.sees("‖ ")


async def test_the_help_tells_every_key(run: RunView, open_console: Open) -> None:
    async with opened(open_console, run, (120, 60)) as person:
        await person.press("question_mark")
        await person.sees("The match before", "Unfold or fold all tools", "the tool that space is for")
