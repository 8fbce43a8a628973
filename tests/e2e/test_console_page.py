"""/console in a real browser: a terminal as large as the window, and what it says when there is no console."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from clinvk.api.console.visitors import LIMIT, Closing
from tests.e2e.conftest import DEADLINE, Served

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

Open = Callable[..., Page]


def configure(home: Path, *, console: bool) -> None:
    (home / "clinvk").mkdir(exist_ok=True)
    (home / "clinvk" / "config.yaml").write_text(f"server:\n  console_enabled: {str(console).lower()}\n")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    configure(home, console=True)
    server = Served(home)
    yield server
    server.end()


@pytest.fixture
def open_page(browser: Browser, served: Served) -> Iterator[Open]:
    """Opens the console in a window of its own, once `before` has had the page."""
    opened = []

    def open_(port: int = served.port, before: Callable[[Page], object] | None = None, **options: object) -> Page:
        context = browser.new_context(**options)
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(DEADLINE * 1000)
        if before:
            before(page)
        page.goto(f"http://127.0.0.1:{port}/console")
        return page

    yield open_
    for context in opened:
        context.close()


def screen(page: Page) -> Locator:
    return page.locator(".xterm-rows")


def notice(page: Page) -> Locator:
    return page.get_by_role("status")


def test_the_page_shows_the_console_and_needs_nothing_else(open_page: Open, served: Served) -> None:
    complaints: list[str] = []
    asked: set[str] = set()

    def watch(page: Page) -> None:
        page.on(
            "console", lambda message: complaints.append(message.text)
        )  # what the policy forbids is told there
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.add(re.sub("^http://(.*?)/.*", r"\1", request.url)))

    page = open_page(before=watch)
    expect(screen(page)).to_contain_text(f"http://127.0.0.1:{served.port}")
    expect(notice(page)).to_be_hidden()
    assert complaints == []
    assert asked == {f"127.0.0.1:{served.port}"}


def test_a_key_changes_the_screen(open_page: Open) -> None:
    page = open_page()
    expect(screen(page)).to_contain_text("help")
    page.keyboard.press("?")
    expect(screen(page)).to_contain_text("Leave the console")
    page.keyboard.press("Escape")
    expect(screen(page)).not_to_contain_text("Leave the console")


def test_a_run_is_seen_as_it_happens(open_page: Open, served: Served) -> None:
    page = open_page()
    expect(screen(page)).to_contain_text("0 live")
    run_id = served.start("/hang")
    expect(screen(page)).to_contain_text("1 live")
    served.json("POST", f"/api/v1/runs/{run_id}/cancel", {})
    expect(screen(page)).to_contain_text("0 live")


LAST_LINE_ENDS_AT = """height => {
    const last = document.querySelector(".xterm-rows > div:last-child");
    const bottom = last ? last.getBoundingClientRect().bottom : 0;
    return last && last.textContent.includes("help") && height - 40 < bottom && bottom <= height;
}"""


def test_the_screen_is_as_large_as_the_window(open_page: Open) -> None:
    page = open_page(viewport={"width": 1200, "height": 800})
    for width, height in ((1200, 800), (700, 400), (1000, 600)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(LAST_LINE_ENDS_AT, arg=height)


@pytest.mark.parametrize(("scheme", "ground"), [("dark", "rgb(26, 27, 38)"), ("light", "rgb(244, 245, 249)")])
def test_the_colours_are_those_that_the_reader_likes(open_page: Open, scheme: str, ground: str) -> None:
    page = open_page(color_scheme=scheme)
    expect(screen(page)).to_contain_text("help")
    expect(page.locator("#screen")).to_have_css("background-color", ground)
    bar = page.locator(".xterm-rows > div").last.locator("span").first
    expect(bar).to_have_css("background-color", "rgb(41, 46, 66)" if scheme == "dark" else "rgb(214, 217, 228)")


def test_who_left_may_come_back(open_page: Open) -> None:
    page = open_page()
    expect(screen(page)).to_contain_text("help")
    page.keyboard.press("q")
    expect(notice(page)).to_contain_text("You left the console.")
    page.keyboard.press("Enter")
    expect(notice(page)).to_be_hidden()
    page.keyboard.press("?")
    expect(screen(page)).to_contain_text("Leave the console")


def test_a_server_that_was_away_is_found_again(open_page: Open, tmp_path: Path, port: int) -> None:
    configure(tmp_path, console=True)
    first = Served(tmp_path, "--port", str(port))
    try:
        page = open_page(port)
        expect(screen(page)).to_contain_text("help")
    finally:
        first.end()
    expect(notice(page)).to_contain_text("The server is away. Trying again…")
    second = Served(tmp_path, "--port", str(port))
    try:
        expect(notice(page)).to_be_hidden()
        page.keyboard.press("?")
        expect(screen(page)).to_contain_text("Leave the console")
    finally:
        second.end()


def test_switched_off_by_a_reload_it_says_by_which_setting(open_page: Open, tmp_path: Path) -> None:
    configure(tmp_path, console=True)
    server = Served(tmp_path)
    try:
        page = open_page(server.port)
        expect(screen(page)).to_contain_text("help")
        configure(tmp_path, console=False)
        os.kill(server.pid, signal.SIGHUP)
        expect(notice(page)).to_contain_text("server.console_enabled")
        assert server.call("GET", "/console").status == 404
    finally:
        server.end()


def routed(page: Page, meet: Callable[[WebSocketRoute], object]) -> None:
    """Have the page's socket met by `meet`, and not by the server."""
    page.route_web_socket("**/console/socket", meet)


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (Closing.FULL, f"{LIMIT} consoles are open already", "consoles are open already. Trying again…"),
        (Closing.SWITCHED_OFF, "It was switched off", "It was switched off. Trying again…"),
        (Closing.CRASHED, "It crashed", "It crashed."),
        (Closing.NOT_UNDERSTOOD, "Reload it", "Reload it."),
        (Closing.SERVER_ENDS, "", "The server is away. Trying again…"),
    ],
)
def test_why_there_is_no_console_is_said(open_page: Open, code: Closing, reason: str, told: str) -> None:
    page = open_page(before=lambda page: routed(page, lambda socket: socket.close(code=int(code), reason=reason)))
    expect(notice(page)).to_contain_text(told)
    expect(notice(page).get_by_role("button")).to_be_visible(visible=code is Closing.CRASHED)


def test_what_the_console_copies_is_on_the_clipboard_which_it_cannot_read(open_page: Open) -> None:
    said: list[str | bytes] = []

    def hear(message: str | bytes) -> None:
        said.append(message)

    def meet(socket: WebSocketRoute) -> None:
        socket.on_message(hear)
        socket.send(b"ready\x1b]52;c;bmHDr3Zl\x07\x1b]52;c;?\x07\x1b[c")  # the last asks what terminal it is

    page = open_page(before=lambda page: routed(page, meet), permissions=["clipboard-read", "clipboard-write"])
    expect(screen(page)).to_contain_text("ready")
    copied = page.evaluate(
        """async () => {
            let text = "";
            while (!text) text = await navigator.clipboard.readText();
            return text;
        }"""
    )
    assert copied == "naïve"
    assert [json.loads(each)["type"] for each in said if "size" not in str(each)] == ["input"]
    assert "bmHDr3Zl" not in "".join(map(str, said))
