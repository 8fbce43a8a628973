"""The sessions screen: what is kept, and what can be done with it."""

from dataclasses import replace

import pytest

from clinvk.domain.errors import SessionNotFound
from clinvk.domain.run import RunState
from clinvk.domain.session import SessionStatus
from tests.tui.conftest import Open, Person
from tests.tui.samples import NOW, a_run, a_session, at
from tests.tui.scripted import Server
from tests.tui.snapshot import SIZES, looks_as_kept
from tui.dialogs import Question
from tui.screens.runs import RunsScreen
from tui.screens.sessions import SessionsScreen


async def on_sessions(person: Person) -> SessionsScreen:
    """The screen, once its sessions are there."""
    await person.press("2")
    await person.until(lambda: isinstance(person.console.screen, SessionsScreen))
    screen = person.console.screen
    assert isinstance(screen, SessionsScreen)
    await person.until(lambda: screen.is_mounted and screen._loaded and screen.listing.total == len(screen._known))
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_sessions_look_as_kept(server: Server, open_console: Open, size: tuple[int, int]) -> None:
    titles = ("talk about engines", "把这份合同翻译成英文，并标出有风险的条款", None)
    server.sessions_ = [
        a_session(
            number,
            title=titles[number % 3],
            initial_prompt=titles[number % 3],
            backend=("claude", "demo")[number % 2],
            model=(None, "sonnet-5")[number % 2],
            status=list(SessionStatus)[number % 4],
        )
        for number in range(70)
    ]
    async with open_console(size) as person:
        await on_sessions(person)
        await person.sees("70 sessions", "of 8")
        await looks_as_kept(person, "sessions")


@pytest.mark.parametrize("size", SIZES)
async def test_no_sessions_look_as_kept(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(size) as person:
        await on_sessions(person)
        await person.sees("No sessions yet", "of 8")
        await looks_as_kept(person, "sessions-empty")


async def test_every_column_tells_its_part(server: Server, open_console: Open) -> None:
    server.sessions_ = [a_session(3, model="sonnet-5")]
    async with open_console((220, 24)) as person:
        await on_sessions(person)
        await person.sees("✓ completed", "3m", "demo", "sonnet-5", "talk number 3", " 4 ", "1.0k→200", "13m")
        await person.sees("/home/ada/engine", server.sessions_[0].id)


async def test_all_pages_are_loaded(server: Server, open_console: Open) -> None:
    server.sessions_ = [a_session(number) for number in range(450)]
    async with open_console() as person:
        await on_sessions(person)
        await person.sees("450 sessions")


async def test_a_session_that_was_used_comes_first(server: Server, open_console: Open) -> None:
    server.sessions_ = [a_session(number) for number in range(3)]
    async with open_console() as person:
        screen = await on_sessions(person)
        used = replace(server.sessions_.pop(), last_used=at(-5), turn_count=77)
        server.sessions_.insert(0, used)
        server.clock.time = NOW + 6
        await person.until(lambda: screen.listing.key(0) == used.id)


async def test_one_that_was_deleted_elsewhere_goes(server: Server, open_console: Open) -> None:
    server.sessions_ = [a_session(number) for number in range(3)]
    async with open_console() as person:
        await on_sessions(person)
        server.sessions_.pop(0)
        await person.sees("2 sessions")
        await person.sees_no("talk number 0")


async def test_sessions_are_searched(server: Server, open_console: Open) -> None:
    server.sessions_ = [a_session(number) for number in range(12)]
    async with open_console() as person:
        screen = await on_sessions(person)
        await person.press("slash", *"number", "space", *"7", "enter")
        await person.until(lambda: len(screen.listing) == 1)
        screen.filter_by("status:completed backend:demo dir:engine -number")
        await person.sees("No session matches")


async def test_enter_shows_the_runs_of_the_session(server: Server, open_console: Open) -> None:
    server.sessions_ = [a_session(0), a_session(1)]
    server.put(a_run(1, session_id=server.sessions_[1].id), a_run(2, RunState.COMPLETED))
    async with open_console() as person:
        await on_sessions(person)
        await person.press("j", "enter")
        await person.until(lambda: isinstance(person.console.screen, RunsScreen))
        await person.sees(f"filter: session:{server.sessions_[1].id}", "1 of 2 runs", "prompt number 1")


@pytest.mark.parametrize("key", ["d", "delete"])
async def test_a_session_is_deleted_after_a_question(server: Server, open_console: Open, key: str) -> None:
    server.sessions_ = [a_session(0), a_session(1)]
    gone = server.sessions_[0].id
    async with open_console() as person:
        await on_sessions(person)
        await person.press(key)
        await person.until(lambda: isinstance(person.console.screen, Question))
        await person.sees("none comes back", "Keep it")
        await person.press("y")
        await person.until(lambda: server.asked == [("delete", gone)])
        await person.sees("1 session")


async def test_a_session_that_is_kept_after_all_stays(server: Server, open_console: Open) -> None:
    server.sessions_ = [a_session(0)]
    async with open_console() as person:
        await on_sessions(person)
        await person.press("d")
        await person.until(lambda: isinstance(person.console.screen, Question))
        await person.press("enter")
        await person.until(lambda: isinstance(person.console.screen, SessionsScreen))
        assert server.asked == []


async def test_a_deletion_that_fails_is_told(
    server: Server, open_console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(session_id: str) -> tuple[str, ...]:
        raise SessionNotFound(session_id)

    server.sessions_ = [a_session(0)]
    monkeypatch.setattr(server, "delete_session", refuse)
    async with open_console() as person:
        screen = await on_sessions(person)
        await person.press("d")
        await person.until(lambda: isinstance(person.console.screen, Question))
        await person.press("y")
        await person.until(lambda: len(person.console._notifications) == 1)
        assert screen.listing.total == 1


async def test_the_id_and_a_command_that_goes_on_are_copied(server: Server, open_console: Open) -> None:
    server.sessions_ = [a_session(0)]
    async with open_console() as person:
        await on_sessions(person)
        await person.press("y")
        assert person.console.clipboard == server.sessions_[0].id
        await person.press("u")
        assert person.console.clipboard.startswith("curl http://127.0.0.1:8080/api/v1/prompt ")
        assert f'"session_id": "{server.sessions_[0].id}"' in person.console.clipboard
