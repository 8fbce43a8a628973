"""The console on a page: what goes out and comes in, and that nobody else notices."""

import asyncio
import base64
import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest

from tests.tui.conftest import DEADLINE
from tests.tui.samples import a_run
from tests.tui.scripted import Server
from tests.tui.visits import DARK_BAR, LIGHT_BAR, Page, visiting
from tui.terminal.outlet import LIMIT
from tui.web import Crashed


async def test_a_page_gets_the_screen_at_its_size_in_true_colours(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM", raising=False)
    page = Page(100, 30)
    async with visiting(server, page):
        await page.until(lambda: "help" in page.text and "http://127.0.0.1:8080" in page.text)
        assert page.height == 30
        assert "38;2;" in page.sent.decode()


async def test_keys_act(server: Server) -> None:
    page = Page()
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        await visit.feed("?")
        await page.sees("Leave the console")


async def test_an_escape_alone_is_the_key(server: Server) -> None:
    page = Page()
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        await visit.feed("?")
        await page.sees("Leave the console")
        await visit.feed("\x1b")
        await page.sees("http://127.0.0.1:8080")


async def test_the_screen_follows_the_page(server: Server) -> None:
    page = Page(80, 24)
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        page.columns, page.rows = 132, 50
        visit.fit()
        await page.until(lambda: page.height == 50)


@pytest.mark.parametrize(("size", "columns", "rows"), [((10**9, 10**9), 400, 150), ((0, -1), 1, 1)])
async def test_no_page_is_larger_or_smaller_than_a_screen_can_be(
    server: Server, size: tuple[int, int], columns: int, rows: int
) -> None:
    page = Page(*size)
    async with visiting(server, page) as (visit, _):
        await page.until(lambda: bool(page.sent))
        assert visit._console.size == (columns, rows)


async def test_the_console_is_dark_or_light_as_the_page_is(server: Server) -> None:
    page = Page(dark=False)
    async with visiting(server, page) as (visit, _):
        await page.until(lambda: "help" in page.text)
        assert LIGHT_BAR in page.sent.decode()
        assert DARK_BAR not in page.sent.decode()
        page.dark = True
        visit.fit()
        await page.until(lambda: DARK_BAR in page.sent.decode())


async def test_a_theme_that_was_chosen_outlives_another_size(server: Server) -> None:
    page = Page(dark=False)
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        await visit.feed("\x14")
        await page.until(lambda: DARK_BAR in page.sent.decode())
        page.columns = 90
        visit.fit()
        assert visit._console.current_theme.dark


async def test_what_is_copied_goes_to_the_page(server: Server) -> None:
    page = Page()
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        visit._console.copy("naïve", "a word")
        coded = base64.b64encode("naïve".encode()).decode()
        await page.until(lambda: f"\x1b]52;c;{coded}\x07" in page.sent.decode())


async def test_a_page_that_takes_nothing_costs_no_memory_and_gets_a_whole_screen_afterwards(
    server: Server,
) -> None:
    page = Page(200, 60)
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        page.stalled = True
        driver = visit._driver
        assert driver is not None
        while not driver._outlet.stalled:
            visit._console.refresh()
            await asyncio.sleep(0)
        held = driver._outlet.size
        for _ in range(50):
            driver.write("x" * 10_000)
        assert driver._outlet.size == held < 2 * LIMIT
        page.sent = b""
        page.stalled = False
        page.take()
        await page.until(lambda: "xxx" not in page.text and page.text.count("help") >= 1)
        await page.sees("http://127.0.0.1:8080")


async def test_q_ends_the_visit_and_nothing_is_left_of_it(server: Server) -> None:
    page = Page()
    async with visiting(server, page) as (visit, running):
        await page.sees("help")
        await visit.feed("q")
        async with asyncio.timeout(DEADLINE):
            await running


@pytest.mark.parametrize("moment", ["at once", "after a step", "with its screen"])
async def test_a_visit_can_be_broken_off_at_any_time(server: Server, moment: str) -> None:
    page = Page()
    async with visiting(server, page):
        if moment == "after a step":
            await asyncio.sleep(0)
        elif moment == "with its screen":
            await page.sees("help")


async def test_what_is_sent_to_a_page_that_has_left_is_dropped(server: Server) -> None:
    page = Page()
    page.stalled = True
    async with visiting(server, page) as (visit, _):
        await page.until(lambda: bool(page.waiting))
        page.waiting.pop().set_exception(ConnectionError())
        await asyncio.sleep(0)
        await visit.feed("?")
        assert visit._driver is not None
        visit._driver.write("more")
        assert page.waiting == []


async def test_a_console_that_crashes_tells_nothing_but_its_owner(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    page = Page()
    async with visiting(server, page) as (visit, running):
        await page.sees("help")

        def fail() -> None:
            secret = "sk-local-variable"
            raise ValueError(len(secret))

        visit._console.call_later(fail)
        with pytest.raises(Crashed) as crashed:
            async with asyncio.timeout(DEADLINE):
                await running
        assert isinstance(crashed.value.__cause__, ValueError)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("first", [0, 1])
async def test_the_streams_and_the_tasks_of_the_server_stay_its_own_whoever_leaves_first(
    server: Server, first: int
) -> None:
    def factory(loop: asyncio.AbstractEventLoop, coro: object, **options: object) -> "asyncio.Task[None]":
        return asyncio.Task(coro, loop=loop, **options)  # type: ignore[arg-type]

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    own = sys.stdout, sys.stderr, factory
    pages = [Page(), Page()]
    async with visiting(server, pages[0]) as one, visiting(server, pages[1]) as other:
        for page in pages:
            await page.sees("help")
            assert (sys.stdout, sys.stderr, loop.get_task_factory()) == own
        visits = [one, other]
        for visit, running in (visits[first], visits[1 - first]):
            await visit.feed("q")
            await asyncio.wait({running}, timeout=DEADLINE)
            assert running.done()
            assert (sys.stdout, sys.stderr, loop.get_task_factory()) == own
    loop.set_task_factory(None)


async def test_who_takes_the_streams_meanwhile_keeps_them(server: Server) -> None:
    """As a console in the server's own terminal does."""
    page = Page()
    taken = StringIO()
    async with visiting(server, page) as (visit, running):
        await page.sees("help")
        with redirect_stdout(taken):
            await visit.feed("q")
            await asyncio.wait({running}, timeout=DEADLINE)
            print("still mine")
    assert taken.getvalue() == "still mine\n"


async def test_nothing_is_opened_nor_saved_on_the_machine_of_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda *_: pytest.fail("a browser was opened"))
    page = Page()
    server.put(a_run(1))
    async with visiting(server, page) as (visit, _):
        await page.sees("help")
        visit._console.open_url("https://example.com")
        await page.sees("opens nothing")
        saved = StringIO("x")
        visit._console.deliver_text(saved)
        await page.sees("saves no files")
        assert saved.closed
