"""The server's pages, and pages of elsewhere, in a real browser before a server that asks for a key."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import DEADLINE, Served

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

KEY = "clv_key-of-the-browser?>~~~"
"""With what base64 has another letter for in URLs."""
APP, EVIL = "https://app.test", "https://evil.test"
SDKS = Path(__file__).parents[2] / ".cache" / "sdks" / "node" / "node_modules"
CONFIG = f"server:\n  console_enabled: true\n  cors_allowed_origins: [{APP}]\n"
IMPORTS = {
    "@opentelemetry/api": "/@opentelemetry/api/dist/index.mjs",
    "/@anthropic-ai/sdk/internal/node.mjs": "/@anthropic-ai/sdk/internal/node.browser.mjs",
    "standardwebhooks": "data:text/javascript,export class Webhook {}",
}
"""What a bundler for browsers would make of what the SDKs import."""
ELSEWHERE = f'<!doctype html><script type="importmap">{json.dumps({"imports": IMPORTS})}</script>'
CALL = """async ([url, headers, body]) => {
    try {
        const method = body ? "POST" : "GET";
        const answer = await fetch(url, {method, headers, body: body && JSON.stringify(body)});
        return {status: answer.status, json: await answer.json(), id: answer.headers.get("X-Run-Id")};
    } catch (error) {
        return {error: String(error)};
    }
}"""
SDK = """async ([module, base, key]) => {
    const {default: Client} = await import(module);
    const client = new Client({apiKey: key, baseURL: base, dangerouslyAllowBrowser: true, maxRetries: 0});
    const words = [];
    let error = null;
    try {
        if (client.chat) {
            const messages = [{role: "user", content: "/big 16"}];
            const stream = await client.chat.completions.create({model: "demo", messages, stream: true});
            for await (const chunk of stream) words.push(chunk.choices[0]?.delta.content ?? "");
        } else {
            const messages = [{role: "user", content: "/big 16"}];
            const stream = client.messages.stream({model: "demo", max_tokens: 99, messages});
            words.push(await stream.finalText());
        }
    } catch (caught) {
        error = {class: caught.constructor.name, status: caught.status ?? null, request: caught.requestID ?? null};
    }
    return {text: words.join(""), error};
}"""

Open = Callable[..., Page]


def locked(home: Path, key: str, *flags: str) -> Served:
    (home / "clinvk").mkdir(exist_ok=True)
    (home / "clinvk" / "config.yaml").write_text(CONFIG)
    return Served(home, *flags, more={"CLINVK_API_KEYS": key})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = locked(tmp_path_factory.mktemp("locked"), KEY)
    yield server
    server.end()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Open]:
    """A window of its own, which has kept nothing."""
    opened = []

    def open_() -> Page:
        opened.append(browser.new_context())
        page = opened[-1].new_page()
        page.set_default_timeout(DEADLINE * 1000)
        return page

    yield open_
    for context in opened:
        context.close()


def console(page: Page, port: int) -> Page:
    page.goto(f"http://127.0.0.1:{port}/console")
    return page


def unlock(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Open the console").click()


def shows_the_console(page: Page) -> None:
    expect(page.locator(".xterm-rows")).to_contain_text("help")
    expect(page.locator("#unlock")).to_be_hidden()


def test_the_console_asks_for_a_key_and_opens_with_the_right_one(new_page: Open, served: Served) -> None:
    page = console(new_page(), served.port)
    expect(page.get_by_role("alert")).to_have_text("This server asks for an API key.")
    expect(page.get_by_label("API key")).to_be_focused()
    for wrong in ("clv_wrong", "ü" * 5000, "a b, c"):
        unlock(page, wrong)
        expect(page.get_by_role("alert")).to_have_text("The API key is not known here.")
        expect(page.get_by_label("API key")).to_have_value("")
    page.get_by_label("API key").fill(f" {KEY} ")
    page.keyboard.press("Enter")
    shows_the_console(page)
    page.keyboard.press("?")
    expect(page.locator(".xterm-rows")).to_contain_text("Leave the console")


def test_the_key_is_kept_for_the_tab_and_for_no_other(new_page: Open, served: Served) -> None:
    page = console(new_page(), served.port)
    unlock(page, KEY)
    shows_the_console(page)
    page.reload()
    shows_the_console(page)
    other = page.context.new_page()
    console(other, served.port)
    expect(other.get_by_role("alert")).to_be_visible()
    assert page.evaluate("[document.cookie, localStorage.length]") == ["", 0]


def test_a_server_that_comes_back_with_other_keys_asks_again(new_page: Open, tmp_path: Path, port: int) -> None:
    first = locked(tmp_path, KEY, "--port", str(port))
    try:
        page = console(new_page(), port)
        unlock(page, KEY)
        shows_the_console(page)
    finally:
        first.end()
    expect(page.get_by_role("status")).to_contain_text("The server is away. Trying again…")
    second = locked(tmp_path, "clv_another-key-of-the-browser", "--port", str(port))
    try:
        expect(page.get_by_role("alert")).to_have_text("The API key is not known here.")
        unlock(page, "clv_another-key-of-the-browser")
        shows_the_console(page)
    finally:
        second.end()


def test_nobody_learns_the_key_from_the_log(new_page: Open, served: Served) -> None:
    page = console(new_page(), served.port)
    unlock(page, "clv_mistyped-key")
    expect(page.get_by_role("alert")).to_have_text("The API key is not known here.")
    unlock(page, KEY)
    shows_the_console(page)
    told = served.log.read_text()
    assert '"path": "/console/socket"' in told
    assert "clv_" not in told
    assert "Y2x2" not in told  # as the name of a protocol


def test_the_explorer_takes_a_key_and_sends_it(new_page: Open, served: Served) -> None:
    page = new_page()
    page.set_default_timeout(3 * DEADLINE * 1000)  # Swagger UI is not quick on a busy machine
    page.goto(f"http://127.0.0.1:{served.port}/docs#/meta/getRoot")
    page.locator(".auth-wrapper .authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.get_by_label("auth-bearer-value").fill(KEY)
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").last.click()
    operation = page.locator("#operations-meta-getRoot")
    operation.locator(".execute").click()
    expect(operation.locator(".live-responses-table .response")).to_contain_text('"name": "clinvk"')


def test_the_plain_page_tells_commands_that_take_the_key_from_the_environment(served: Served) -> None:
    told = served.call("GET", "/docs").read().decode()
    assert "Authorization: Bearer $CLINVK_API_KEY" in told
    assert KEY not in told
    assert "data-keys" in told


def at(page: Page, origin: str) -> Page:
    """A page of elsewhere, with the SDKs' files beside it, whose user lets it ask this machine.

    Newer browsers let none without: it is to be the server that refuses.
    """

    def answer(route: Route) -> None:
        file = SDKS / urlsplit(route.request.url).path.strip("/")
        if file.is_file():
            route.fulfill(path=file, content_type="text/javascript")
        else:
            route.fulfill(body=ELSEWHERE, content_type="text/html")

    page.context.grant_permissions(["local-network-access"])
    page.route(f"{origin}/**", answer)
    page.goto(f"{origin}/")
    return page


def test_a_page_of_an_origin_that_was_allowed_may_ask_with_a_key_and_read_the_answer(
    new_page: Open, served: Served
) -> None:
    page, base = at(new_page(), APP), f"http://127.0.0.1:{served.port}"
    shown = {"X-Api-Key": "clv_wrong", "Content-Type": "application/json"}
    body = {"backend": "demo", "prompt": "/big 5"}
    refused = page.evaluate(CALL, [f"{base}/api/v1/prompt", shown, body])
    assert (refused["status"], refused["json"]["detail"]) == (401, "The API key is not known here")
    told = page.evaluate(CALL, [f"{base}/api/v1/prompt", shown | {"X-Api-Key": KEY}, body])
    assert (told["status"], told["json"]["output"]) == (200, "the d")
    assert told["id"] == told["json"]["run_id"]


def test_a_page_of_another_origin_gets_nothing_whatever_it_shows(new_page: Open, served: Served) -> None:
    page, base = at(new_page(), EVIL), f"http://127.0.0.1:{served.port}"
    for path, headers in (("/health", {}), ("/api/v1/runs", {"X-Api-Key": KEY}), ("/docs", {}), ("/console", {})):
        assert "Failed to fetch" in page.evaluate(CALL, [base + path, headers, None])["error"]
    body = {"backend": "demo", "prompt": "a word of evil"}
    for kind in ("application/json", "text/plain"):
        headers = {"X-Api-Key": KEY, "Content-Type": kind}
        assert "error" in page.evaluate(CALL, [f"{base}/api/v1/prompt", headers, body])
    runs = served.call("GET", "/api/v1/runs", **{"X-Api-Key": KEY}).read().decode()
    assert "a word of evil" not in runs


@pytest.mark.sdks
@pytest.mark.parametrize(
    ("module", "base"), [("openai/index.mjs", "/openai/v1"), ("@anthropic-ai/sdk/index.mjs", "/anthropic")]
)
def test_an_official_sdk_works_in_a_page_of_elsewhere(
    new_page: Open, served: Served, module: str, base: str
) -> None:
    if not (SDKS / module).exists():
        pytest.skip("the SDKs are not there: scripts/install-sdks")
    page = at(new_page(), APP)
    asked = [f"{APP}/{module}", f"http://127.0.0.1:{served.port}{base}"]
    told = page.evaluate(SDK, [*asked, KEY])
    assert told == {"text": "the demo backend", "error": None}
    refused = page.evaluate(SDK, [*asked, "clv_wrong"])["error"]
    assert (refused["class"], refused["status"]) == ("AuthenticationError", 401)
    assert re.fullmatch("req_.*", refused["request"])
