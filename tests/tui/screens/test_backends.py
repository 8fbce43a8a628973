"""The backends screen: what is there, what it can do, and how it goes."""

from dataclasses import replace

import pytest

from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import RunState
from clinvk.views import BackendView
from tests.tui.conftest import Open, Person
from tests.tui.samples import a_backend, a_run
from tests.tui.scripted import Server
from tests.tui.snapshot import SIZES, looks_as_kept
from tui.screens.backends import BackendsScreen
from tui.screens.runs import RunsScreen


def some_backends() -> tuple[BackendView, ...]:
    return (
        a_backend("claude", models=("opus", "sonnet"), live=2, idle=3, idle_memory_bytes=180 << 20),
        a_backend("codex", available=False, version=None, path=None, reason="not installed (npm install it)"),
        a_backend("gemini", enabled=False),
        a_backend("demo"),
    )


async def on_backends(person: Person) -> BackendsScreen:
    """The screen, once it has looked for backends."""
    await person.press("3")
    await person.until(lambda: isinstance(person.console.screen, BackendsScreen))
    screen = person.console.screen
    assert isinstance(screen, BackendsScreen)
    await person.until(lambda: screen._loaded and screen.listing.total == len(screen._known))
    return screen


def failed(number: int, message: str) -> dict[str, object]:
    return {"backend": "claude", "error": RunError(ErrorCode.OVERLOADED, message), "age": 100.0 - number}


@pytest.mark.parametrize("size", SIZES)
async def test_backends_look_as_kept(server: Server, open_console: Open, size: tuple[int, int]) -> None:
    server.backends_ = some_backends()
    server.put(a_run(1, RunState.FAILED, **failed(1, "it is too busy")))
    async with open_console(size) as person:
        await person.sees("1 run")
        await on_backends(person)
        await person.sees("✗ 1", "of 8")
        await looks_as_kept(person, "backends")


@pytest.mark.parametrize("size", SIZES)
async def test_no_backends_look_as_kept(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(size) as person:
        await on_backends(person)
        await person.sees("No backends", "of 8")
        await looks_as_kept(person, "backends-empty")


async def test_every_column_tells_its_part(server: Server, open_console: Open) -> None:
    server.backends_ = some_backends()
    async with open_console((220, 24)) as person:
        await on_backends(person)
        await person.sees(
            "✓ available", "✗ missing", "⊘ off", "1.2.3", "2/8", "3  180M", "/usr/bin/claude", "opus, sonnet"
        )
        await person.sees("stream resume system", "not installed (npm install it)")


async def test_where_no_process_waits_it_says_whether_any_could(server: Server, open_console: Open) -> None:
    able = replace(a_backend("claude").capabilities, warm=False)
    server.backends_ = (a_backend("claude", capabilities=able, live=7), a_backend("demo", live=7))
    async with open_console((120, 24)) as person:
        await on_backends(person)
        await person.sees("claude", "demo")
        rows = [line.split() for line in person.text.splitlines() if "7/8" in line]
        assert [row[row.index("7/8") + 1] for row in rows] == ["off", "0"]


async def test_failed_runs_are_counted_and_the_newest_is_quoted(server: Server, open_console: Open) -> None:
    server.backends_ = (a_backend("claude"),)
    server.put(
        a_run(1, RunState.FAILED, **failed(1, "the first")), a_run(2, RunState.FAILED, **failed(2, "the second"))
    )
    async with open_console() as person:
        await person.sees("2 runs")
        await on_backends(person)
        await person.sees("✗ 2", "0s ago: the second")


@pytest.mark.parametrize(("others", "filter_"), [((), "backend:demo"), (("demo-fast",), 'backend:"demo"')])
async def test_enter_shows_the_runs_of_the_backend_and_of_no_other(
    server: Server, open_console: Open, others: tuple[str, ...], filter_: str
) -> None:
    server.backends_ = tuple(a_backend(name) for name in ("demo", *others))
    server.put(a_run(1), a_run(2, backend="demo-fast"), a_run(3, backend="claude"))
    async with open_console() as person:
        await on_backends(person)
        await person.press("enter")
        await person.until(lambda: isinstance(person.console.screen, RunsScreen))
        await person.sees(f"filter: {filter_}", "of 3 runs")
        assert ("prompt number 2" in person.text) is not bool(others)


async def test_the_path_is_copied_else_the_name(server: Server, open_console: Open) -> None:
    server.backends_ = some_backends()[:2]
    async with open_console() as person:
        await on_backends(person)
        await person.press("y")
        assert person.console.clipboard == "/usr/bin/claude"
        await person.press("j", "y")
        assert person.console.clipboard == "codex"


async def test_backends_are_filtered(server: Server, open_console: Open) -> None:
    server.backends_ = some_backends()
    async with open_console() as person:
        screen = await on_backends(person)
        await person.press("slash", *"state:miss", "enter")
        await person.until(lambda: len(screen.listing) == 1 and screen.grid.cursor == "codex")
        screen.filter_by("can:images")
        await person.sees("No backend matches")
