"""GET /console: the page, and what it needs."""

import gzip
import hashlib
import json
import subprocess
from html.parser import HTMLParser

import pytest

from tests.api.console.visitors import CONSOLE, ROOT


class Named(HTMLParser):
    """What a page has loaded, and whatever is inline."""

    def __init__(self, html):
        super().__init__()
        self.files, self.inline = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in ("link", "script"):
            self.files.append(given.get("href") or given.get("src"))
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


async def test_the_page_needs_nothing_but_files_of_this_server(serving):
    reply = await serving.fetch("/console")
    assert reply.status == 200
    page = Named(reply.body.decode())
    assert page.inline == []
    assert len(page.files) == 6
    for path in page.files:
        assert path.startswith(("/console/", "/docs/"))
        assert (await serving.fetch(path)).status == 200
    rules = dict(rule.split(" ", 1) for rule in reply.headers["Content-Security-Policy"].split("; "))
    nothing = {"default-src", "form-action", "frame-ancestors", "base-uri"}
    assert {name for name, value in rules.items() if value == "'none'"} == nothing
    assert {value for name, value in rules.items() if name not in nothing} == {"'self'"}


async def test_a_browser_that_has_the_page_is_not_sent_it_again(serving):
    first = await serving.fetch("/console")
    again = await serving.fetch("/console", headers={"If-None-Match": first.headers["Etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_what_is_vendored_goes_out_compressed_to_whoever_takes_that(server):
    for name in ("xterm.js", "xterm.css", "addon-fit.js"):
        connection = await server.raw("GET", f"/console/{name}", {"Accept-Encoding": "gzip"})
        packed = await connection.reply()
        plain = await server.fetch(f"/console/{name}")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body


async def test_no_other_name_leads_anywhere(server):
    for name in ("nothing.js", "console.html", "..%2fsocket.py", "xterm.js.gz", "package.json", "%2fetc%2fpasswd"):
        assert (await server.fetch(f"/console/{name}")).status == 404, name


@pytest.mark.parametrize("folder", ["xterm", "addon_fit"])
def test_what_is_vendored_is_what_was_pinned(folder):
    pinned = json.loads((CONSOLE / folder / "package.json").read_text())
    stored = {path.name.removesuffix(".gz"): path for path in (CONSOLE / folder).iterdir()}
    assert set(stored) == {"package.json", *pinned["sha256"]}
    for name, digest in pinned["sha256"].items():
        data = stored[name].read_bytes()
        found = gzip.decompress(data) if stored[name].suffix == ".gz" else data
        assert hashlib.sha256(found).hexdigest() == digest, name


def test_the_script_that_vendors_finds_all_in_order():
    done = subprocess.run([ROOT / "scripts" / "vendor-terminal", "--check"], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
