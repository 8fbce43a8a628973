"""A real browser, where one is installed."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

DEADLINE = 20.0
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser found: none of {', '.join(_BROWSERS)} is installed")
    home = str(tmp_path_factory.mktemp("browser"))
    expect.set_options(timeout=3 * DEADLINE * 1000)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=_QUIET, env={"HOME": home, "PATH": "/usr/bin:/bin"}
        )
        yield launched
        launched.close()
