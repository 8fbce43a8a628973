"""The requests screen: the HTTP log."""

import time
from collections.abc import Iterator

import pytest

from clinvk.views import RequestView
from tests.tui.conftest import Open, Person
from tests.tui.samples import a_run, at, run_id
from tests.tui.scripted import Server
from tests.tui.snapshot import SIZES, looks_as_kept
from tui.screens.requests import RequestsScreen
from tui.screens.run import RunScreen


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are local ones: these tests are at the same place everywhere."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def a_request(number: int, status: int | None = 200, **said: object) -> RequestView:
    """One that came in `number` times ten seconds ago."""
    first = {
        "id": f"req_{1000 - number}",
        "at": at(number * 10),
        "method": "POST",
        "path": "/api/v1/prompt",
        "status": status,
        "duration_ms": 12.0 * (number + 1),
        "client": "10.0.0.7",
        "key_label": "ci",
    }
    return RequestView(**{**first, **said})  # type: ignore[arg-type]


async def on_requests(person: Person) -> RequestsScreen:
    await person.press("4")
    await person.until(lambda: isinstance(person.console.screen, RequestsScreen))
    screen = person.console.screen
    assert isinstance(screen, RequestsScreen)
    await person.until(lambda: screen._loaded and screen.listing.total == len(screen._known))
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_requests_look_as_kept(server: Server, open_console: Open, size: tuple[int, int]) -> None:
    statuses = (200, 201, 304, 404, 429, 499, 500, None)
    paths = ("/api/v1/prompt", "/openai/v1/chat/completions", "/health", "/api/v1/runs?limit=20&state=公司")
    server.requests_ = tuple(
        a_request(
            number,
            statuses[number % 8],
            path=paths[number % 4],
            method=("POST", "GET")[number % 2],
            run_id=run_id(number) if number % 2 else None,
        )
        for number in range(80)
    )
    async with open_console(size) as person:
        await on_requests(person)
        await person.sees("80 requests", "of 8")
        await looks_as_kept(person, "requests")


@pytest.mark.parametrize("size", SIZES)
async def test_no_requests_look_as_kept(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(size) as person:
        await on_requests(person)
        await person.sees("No requests yet", "curl http://127.0.0.1:8080/health", "of 8")
        await looks_as_kept(person, "requests-empty")


async def test_every_column_tells_its_part(server: Server, open_console: Open) -> None:
    server.requests_ = (a_request(0, run_id=run_id(5)),)
    async with open_console() as person:
        await on_requests(person)
        await person.sees("06:13:20", "✓ 200", "POST", "/api/v1/prompt", "12ms", "10.0.0.7 ci", run_id(5))


async def test_what_is_under_way_comes_first(server: Server, open_console: Open) -> None:
    server.requests_ = (a_request(0), a_request(1, None))
    async with open_console() as person:
        screen = await on_requests(person)
        await person.sees("● open")
        assert screen.listing.key(0) == "req_999"


async def test_enter_opens_the_run_of_the_request(server: Server, open_console: Open) -> None:
    server.put(a_run(5))
    server.requests_ = (a_request(0, run_id=run_id(5)),)
    async with open_console() as person:
        await on_requests(person)
        await person.press("enter")
        await person.until(lambda: isinstance(person.console.screen, RunScreen))


async def test_a_request_without_a_run_says_so(server: Server, open_console: Open) -> None:
    server.requests_ = (a_request(0),)
    async with open_console() as person:
        await on_requests(person)
        await person.press("enter")
        await person.sees("This request has no run")


async def test_following_keeps_the_cursor_on_the_newest(server: Server, open_console: Open) -> None:
    server.requests_ = (a_request(5), a_request(6))
    async with open_console() as person:
        screen = await on_requests(person)
        await person.press("j", "F")
        await person.until(lambda: screen.grid.cursor == "req_995")
        server.requests_ = (a_request(1), *server.requests_)
        await person.until(lambda: screen.grid.cursor == "req_999")


@pytest.mark.parametrize(
    ("typed", "found"),
    [("status:5xx", 1), ("status:404,open", 2), ("method:get", 1), ("path:health", 1), ("key:ci -status:200", 3)],
)
async def test_requests_are_filtered(server: Server, open_console: Open, typed: str, found: int) -> None:
    server.requests_ = (a_request(0), a_request(1, 500), a_request(2, 404, method="GET", path="/health"))
    server.requests_ += (a_request(3, None),)
    async with open_console() as person:
        screen = await on_requests(person)
        screen.filter_by(typed)
        await person.until(lambda: len(screen.listing) == found)


async def test_the_id_is_copied(server: Server, open_console: Open) -> None:
    server.requests_ = (a_request(0),)
    async with open_console() as person:
        await on_requests(person)
        await person.press("y")
        assert person.console.clipboard == "req_1000"
