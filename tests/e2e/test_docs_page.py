"""/docs in a real browser: the explorer needs nothing but this server, and the plain page no JavaScript."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.e2e.conftest import DEADLINE, Served

PROMPT = "#operations-runs-createPrompt"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]  # Swagger UI is not quick on a busy machine


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(tmp_path_factory.mktemp("served"))
    yield server
    server.end()


class Tab:
    """A tab, which remembers what it asked for and what it complained of."""

    def __init__(self, context: BrowserContext, port: int) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(3 * DEADLINE * 1000)
        self.port = port
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):  # what the policy forbids is told there too
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)

    def open(self, fragment: str = "", host: str = "127.0.0.1") -> Page:
        self.page.goto(f"http://{host}:{self.port}/docs{fragment}")
        return self.page

    def explore(self, fragment: str = "", host: str = "127.0.0.1") -> Page:
        """Open it, and wait for the explorer."""
        page = self.open(fragment, host)
        expect(page.locator(".opblock").first).to_be_visible()
        return page


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What the tabs share: a cache, as with anybody who comes back."""
    opened = browser.new_context()
    yield opened
    opened.close()


@pytest.fixture
def faulty(context: BrowserContext, served: Served) -> Iterator[Tab]:
    """A tab that may complain: browsers do so of every answer that is an error."""
    opened = Tab(context, served.port)
    yield opened
    opened.page.close()


@pytest.fixture
def tab(faulty: Tab) -> Iterator[Tab]:
    """A tab that must not complain of anything, nor ask anybody but the server that its page came from."""
    yield faulty
    assert faulty.complaints == []
    assert faulty.hosts == {urlsplit(faulty.page.url).netloc}


@pytest.fixture
def bare(browser: Browser, served: Served) -> Iterator[Tab]:
    """A tab without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    opened = Tab(context, served.port)
    yield opened
    context.close()
    assert opened.complaints == []
    assert opened.hosts == {f"127.0.0.1:{served.port}"}


def operations(served: Served) -> dict[str, tuple[str, str]]:
    """Method and path of every operation of the document, by name."""
    paths = served.json("GET", "/openapi.json")["paths"]
    return {
        each["operationId"]: (method.upper(), path)
        for path, methods in paths.items()
        for method, each in methods.items()
        if method != "parameters"
    }


def execute(page: Page, operation: str) -> str:
    """Try it out, with what stands in its fields; status and body of the answer."""
    page.locator(f"{operation} .execute").click()
    answer = page.locator(f"{operation} .live-responses-table .response")
    expect(answer).to_be_visible()
    return answer.inner_text()


def test_the_explorer_shows_every_operation_in_the_colours_that_the_reader_likes(tab: Tab, served: Served) -> None:
    tab.page.emulate_media(color_scheme="dark")
    page = tab.explore()
    expect(page.locator("html")).to_have_class(re.compile("dark-mode"))
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).not_to_have_class(re.compile("dark-mode"))
    shown = [tuple(each.inner_text().split("\n")[:2]) for each in page.locator(".opblock-summary").all()]
    told = {(method, re.sub("\u200b", "", path)) for method, path in shown}  # it lets long paths break
    assert told == set(operations(served).values())
    expect(page.locator("#plain")).to_be_hidden()
    expect(page.locator(".info")).to_contain_text("OAS 3.1")


def test_what_is_unfolded_is_drawn(tab: Tab, served: Served) -> None:
    """Bodies, parameters, streams, answers, and at last every schema."""
    page = tab.explore()
    for name in ("groups-createParallel", "runs-followRun", "sessions-listSessions"):
        page.locator(f"#operations-{name} .opblock-summary-control").click()
        expect(page.locator(f"#operations-{name} .responses-table .response").first).to_be_visible()
    page.locator(".models-control").click()
    schemas = served.json("GET", "/openapi.json")["components"]["schemas"]
    # It draws those that are in sight, so one has to go down to the last.
    last = page.locator(f".models-virtual-item[data-index='{len(schemas) - 1}']")
    while not last.count():
        drawn = page.locator(".models-virtual-item").last
        place = int(drawn.get_attribute("data-index"))
        drawn.scroll_into_view_if_needed()
        expect(
            page.locator(f".models-virtual-item[data-index='{min(place + 1, len(schemas) - 1)}']")
        ).to_be_attached()
    expect(last.locator("[data-json-schema-level='0']")).to_be_visible()
    expect(page.locator("#explorer")).not_to_contain_text("Could not render")
    expect(page.locator("#explorer .errors-wrapper")).to_have_count(0)


def test_an_address_leads_to_its_operation(tab: Tab) -> None:
    page = tab.explore("#/meta/getHealth")
    expect(page.locator("#operations-meta-getHealth")).to_be_in_viewport()
    expect(page.locator(".execute")).to_have_count(1)
    told = execute(page, "#operations-meta-getHealth")
    assert told.startswith("200")
    assert '"status": "ok"' in told
    expect(page.locator(".request-url")).to_contain_text(f"http://127.0.0.1:{tab.port}/health")


def test_a_list_is_asked_for_without_filters(tab: Tab) -> None:
    page = tab.explore("#/runs/listRuns")
    listing = "#operations-runs-listRuns"
    assert execute(page, listing).startswith("200")
    expect(page.locator(f"{listing} .request-url")).to_have_text(re.compile("/api/v1/runs$"))


def test_a_prompt_is_answered_by_the_server_that_the_page_came_from(tab: Tab) -> None:
    page = tab.explore("#/runs/createPrompt", "localhost")
    told = execute(page, PROMPT)
    assert told.startswith("200")
    assert "hello world" in told
    assert '"run_id": "run_' in told
    expect(page.locator(f"{PROMPT} .request-snippets")).to_contain_text(
        f"http://localhost:{tab.port}/api/v1/prompt"
    )
    expect(page.locator(f"{PROMPT} .live-responses-table")).to_contain_text("Request duration")


def test_a_stream_is_shown_when_it_has_ended(tab: Tab) -> None:
    page = tab.explore("#/runs/createPrompt")
    sent = '{"backend": "demo", "prompt": "/big 5", "output_format": "stream-json"}'
    page.locator(f"{PROMPT} textarea").fill(sent)
    told = execute(page, PROMPT)
    assert '"type":"text.delta"' in told
    assert '"type":"run.finished"' in told


def test_a_stream_without_an_end_is_listened_to_for_a_while(tab: Tab) -> None:
    tab.page.clock.install()
    page = tab.explore("#/runs/followEvents")
    following = "#operations-runs-followEvents"
    with page.expect_response("**/api/v1/events"):
        page.locator(f"{following} .execute").click()
    answer = page.locator(f"{following} .live-responses-table .response")
    page.clock.fast_forward(10_000)
    expect(answer).to_contain_text("the explorer listened for 10 s")


def test_problems_are_a_line_each_and_a_fault_is_shown_as_the_one_it_is(faulty: Tab) -> None:
    page = faulty.explore("#/runs/createPrompt")
    row = page.locator(f"{PROMPT} .responses-table [data-code='413']")
    expect(row).to_have_text(re.compile("413.*Body Too Large"))
    expect(row.locator("pre")).to_have_count(0)
    row.get_by_role("button").click()
    expect(row.locator("pre")).to_contain_text("body-too-large")
    page.locator(f"{PROMPT} textarea").fill('{"backend": "demo", "promt": "x"}')
    told = execute(page, PROMPT)
    assert told.startswith("400")
    assert '"path": "/promt"' in told


@pytest.mark.parametrize("missing", ["swagger-ui-bundle.js", "swagger-ui.css", "openapi.json"])
def test_without_a_part_of_the_explorer_the_plain_page_stays(
    browser: Browser, served: Served, missing: str
) -> None:
    tab = Tab(browser, served.port)
    tab.page.route(f"**/{missing}", lambda route: route.abort())
    page = tab.open()
    expect(page.locator("#trouble")).to_contain_text("The explorer did not start")
    expect(page.locator("article").first).to_be_visible()
    expect(page.locator("#explorer")).to_be_hidden()


def test_an_explorer_that_breaks_makes_room_for_the_plain_page(faulty: Tab) -> None:
    broken = "SwaggerUIBundle = () => { throw new Error('broken'); }"
    faulty.page.route("**/swagger-ui-bundle.js", lambda route: route.fulfill(body=broken))
    page = faulty.open()
    expect(page.locator("#trouble")).to_contain_text("broken")
    expect(page.locator("article").first).to_be_visible()


def test_without_javascript_every_operation_is_there_to_read(bare: Tab, served: Served) -> None:
    page = bare.open()
    for name, (method, path) in operations(served).items():
        article = page.locator(f"article#{name}")
        expect(article).to_be_visible()
        expect(article.locator("h3")).to_have_text(re.compile(rf"{method}\s+{re.escape(path)}"))
        expect(article.locator("pre").first).to_contain_text("curl ")
    expect(page.locator("noscript")).to_be_visible()


def test_without_javascript_the_page_fits_a_telephone(bare: Tab) -> None:
    bare.page.set_viewport_size({"width": 360, "height": 800})
    page = bare.open()
    box = page.locator("#plain").bounding_box()
    widths = [each.bounding_box()["width"] for each in page.locator("article, nav").all()]
    assert box["width"] <= 360
    assert max(widths) <= 360


def test_on_paper_everything_is_unfolded(bare: Tab) -> None:
    page = bare.open()
    folded = page.locator("#createPrompt details").last.locator("dd").first
    expect(folded).to_be_hidden()
    page.emulate_media(media="print")
    expect(folded).to_be_visible()
    assert page.pdf().startswith(b"%PDF")
