"""/docs as a client without a browser sees it. What a browser makes of it: tests/e2e/test_docs_page.py."""

import gzip
import hashlib
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from clinvk.api import pages
from clinvk.api.explorer import page

ROOT = Path(__file__).resolve().parents[2]
SWAGGER = ROOT / "clinvk" / "api" / "explorer" / "swagger_ui"
SERVED = {
    "explorer.js": "text/javascript",
    "page.css": "text/css",
    "icon.svg": "image/svg+xml",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-bundle.js.LICENSE.txt": "text/plain",
    "swagger-ui.css": "text/css",
}
PATHS = ["/docs", *(f"/docs/{name}" for name in SERVED)]
EVIL = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 1/0 }}{% raw 1/0 %}"


class Elements(HTMLParser):
    """Every tag of a page with its attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def every(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def document(operation=None, **info):
    """An OpenAPI document with one operation."""
    whole = {
        "operationId": "op",
        "summary": "Do it",
        "tags": ["t"],
        "responses": {"200": {"description": "Done."}},
    }
    return {
        "info": {"title": "T", "version": "1", "summary": "S", **info},
        "tags": [{"name": "t", "description": "D"}, {"name": "unused", "description": "U"}],
        "paths": {"/x": {"post": whole | (operation or {})}},
    }


def command(operation, base_url="http://localhost:1"):
    (section,) = page.sections(document(operation), base_url)
    return section.operations[0].commands[0]


def answer(*media):
    return {"responses": {"200": {"description": "", "content": {each: {} for each in media}}}}


def body(*values):
    examples = {str(number): {"value": value} for number, value in enumerate(values)}
    return {"requestBody": {"content": {"application/json": {"examples": examples}}}}


async def get(server, path, **headers):
    """The answer with the very bytes that were sent."""
    connection = await server.raw("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})
    return await connection.reply()


async def test_the_page_shows_every_operation_with_a_command_for_this_very_server(server):
    told = Elements((await server.fetch("/docs")).body.decode())
    ids = {attributes["id"] for attributes in told.every("article")}
    assert ids == {route.name for route in server.routes}
    for route in server.routes:
        assert route.path in told.text
        assert route.summary in told.text
    assert told.text.count(f"{server.origin}/") >= len(server.routes)
    assert {"href": "/openapi.json"} in told.every("a")


async def test_every_file_that_the_page_names_is_there_and_of_this_server(server):
    told = Elements((await server.fetch("/docs")).body.decode())
    named = [each["href"] for each in told.every("link")] + [each["src"] for each in told.every("script")]
    assert len(named) == 3
    for path in named:
        assert path.startswith("/docs/")
        assert (await server.fetch(path)).status == 200


async def test_the_page_runs_no_script_but_from_a_file_of_this_server(server):
    reply = await server.fetch("/docs")
    rules = dict(rule.split(" ", 1) for rule in reply.headers["Content-Security-Policy"].split("; "))
    nothing = {"default-src", "form-action", "frame-ancestors", "base-uri"}
    assert {name for name, value in rules.items() if value == "'none'"} == nothing
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    told = Elements(reply.body.decode())
    assert not [
        name for _, attributes in told.tags for name in attributes if name.startswith("on") or name == "style"
    ]
    assert all("src" in script for script in told.every("script"))
    assert not told.every("style")


@pytest.mark.parametrize(("name", "media_type"), SERVED.items())
async def test_every_file_has_its_media_type(server, name, media_type):
    reply = await server.fetch(f"/docs/{name}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, f"{media_type}; charset=utf-8")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.body.decode().strip()


@pytest.mark.parametrize("path", PATHS)
async def test_head_is_get_without_the_body_here_too(server, path):
    head, whole = await server.fetch(path, method="HEAD"), await server.fetch(path)
    for name in ("Content-Type", "Etag", "Cache-Control"):
        assert head.headers[name] == whole.headers[name]
    assert head.status == 200
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", PATHS)
async def test_what_a_browser_has_is_not_sent_again_and_never_used_unasked(server, path):
    first = await get(server, path, Accept_Encoding="gzip")
    assert first.headers["Cache-Control"] == "no-cache"
    known = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["Etag"]}
    again = await server.raw("GET", path, known)
    assert await again.head() == 304
    assert again.headers["Etag"] == first.headers["Etag"]
    await again.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await again.reply()).status == 200  # no body stands before it
    other = await get(server, path, Accept_Encoding="gzip", If_None_Match='"another"')
    assert (other.status, other.body) == (200, first.body)


async def test_the_page_of_another_name_is_another_page(server):
    one = await get(server, "/docs", Host="localhost:1")
    other = await get(server, "/docs", Host="127.0.0.1:1")
    assert one.headers["Etag"] != other.headers["Etag"]
    assert b"http://localhost:1/health" in one.body


@pytest.mark.parametrize("name", ["swagger-ui-bundle.js", "swagger-ui.css"])
async def test_big_files_go_out_compressed_to_whoever_takes_that(server, name):
    packed = await get(server, f"/docs/{name}", Accept_Encoding="br;q=1.0, gzip;q=0.8, *;q=0.1")
    plain = await get(server, f"/docs/{name}")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 3
    assert packed.headers["Etag"] != plain.headers["Etag"]
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Origin,Accept-Encoding"


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True), ("br, GZIP ; q=0.5", True), ("gzip;q=0.001", True), ("", False), ("br", False),
        ("x-gzip-not", False), ("gzip;q=0", False), ("gzip; q=0.000", False),
    ],
)  # fmt: skip
def test_gzip_is_taken_where_it_is_named_and_not_refused(header, takes):
    assert pages.takes_gzip(header) is takes


@pytest.mark.parametrize(
    "path",
    [
        "/docs/nothing.js", "/docs/page.html", "/docs/..", "/docs/../pyproject.toml", "/docs/%2e%2e%2fpage.py",
        "/docs/..%2f..%2f..%2f..%2fetc%2fpasswd", "/docs/%2fetc%2fpasswd", "/docs/swagger_ui%2fpackage.json",
        "/docs/swagger-ui.css.gz", "/docs/explorer.js%00", "/docs/explorer.js/x", "/docs/EXPLORER.JS",
    ],
)  # fmt: skip
async def test_no_other_name_leads_anywhere(server, path):
    reply = await get(server, path)
    assert (reply.status, reply.media_type) == (404, "application/problem+json")


async def test_a_page_elsewhere_cannot_have_it_read_nor_posted_to(server):
    assert (await server.fetch("/docs", headers={"Origin": "http://evil.example"})).status == 403
    assert (await server.fetch("/docs", {}, method="POST")).status == 405


@pytest.mark.parametrize("origin", ["http://127.0.0.1:{}", "http://localhost:{}"])
async def test_the_explorer_may_post_from_where_it_was_loaded(server, origin):
    own = origin.format(server.port)
    reply = await server.prompt("/big 5", headers={"Origin": own, "Host": own.removeprefix("http://")})
    assert (reply.status, reply.json["output"]) == (200, "the d")


def test_nothing_in_a_document_becomes_markup():
    hostile = {
        "operationId": EVIL,
        "summary": EVIL,
        "description": f"{EVIL} `{EVIL}`",
        "parameters": [{"name": EVIL, "in": EVIL, "description": EVIL}],
        "responses": {EVIL: {"description": EVIL, "content": {EVIL: {}}}, "200": {"description": EVIL}},
        **body({"prompt": EVIL}, {"prompt": EVIL}),
    }
    shown = document(hostile, title=EVIL, version=EVIL, summary=EVIL, description=EVIL)
    shown["tags"][0]["description"] = EVIL
    shown["paths"] = {f"/{EVIL}": shown["paths"]["/x"]}
    told = Elements(page.render(shown, f"http://{EVIL}"))
    assert [script.get("src") for script in told.every("script")] == ["/docs/explorer.js"]
    assert not told.every("img")
    assert not [name for _, attributes in told.tags for name in attributes if name.startswith("on")]
    assert told.text.count("alert(1)") > 10


def test_only_what_stands_in_backticks_is_code():
    assert page.marked("a `b<c` *d*") == "a <code>b&lt;c</code> *d*"


def test_a_command_can_be_pasted_into_a_shell(tmp_path):
    """Whatever stands in the example: the shell's own tricks too."""
    value = {"prompt": 'it\'s $(touch pwned) `touch pwned` "x" \\ é', "n": 1}
    told = command(body(value), "http://localhost:1/$(touch pwned)'")
    echo = f"curl() {{ {sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))' \"$@\"; }}\n"
    done = subprocess.run(["sh", "-c", echo + told], cwd=tmp_path, capture_output=True, text=True, check=True)
    method, post, url, _, kind, _, data = json.loads(done.stdout)
    assert (method, post, kind) == ("-X", "POST", "Content-Type: application/json")
    assert url == "http://localhost:1/$(touch pwned)'/x"
    assert json.loads(data) == value
    assert not list(tmp_path.iterdir())


def test_a_long_body_is_broken_up_and_a_short_one_is_not():
    assert "-d '{\"a\": 1}'" in command(body({"a": 1}))
    assert '-d \'{\n  "a": "' in command(body({"a": "b" * 100}))


@pytest.mark.parametrize(
    ("operation", "unbuffered"),
    [
        (body({"output_format": "stream-json"}), True),
        (body({"stream": True}), True),
        (body({"stream": False}), False),
        (answer("text/event-stream"), True),
        (answer("application/json", "text/event-stream"), False),
        (answer("text/html"), False),
    ],
)  # fmt: skip
def test_a_stream_is_shown_as_it_comes(operation, unbuffered):
    assert ("curl -N " in command(operation)) is unbuffered


def test_an_example_stands_for_a_parameter_of_the_path():
    operation = {"parameters": [{"name": "id", "in": "path", "examples": {"e": {"value": "a b/c"}}}]}
    shown = document(operation)
    shown["paths"] = {"/x/{id}/{other}": shown["paths"]["/x"]}
    (section,) = page.sections(shown, "http://h")
    assert section.operations[0].commands == ("curl -X POST 'http://h/x/a%20b%2Fc/{other}'",)


def test_swagger_ui_is_what_was_pinned():
    pinned = json.loads((SWAGGER / "package.json").read_text())
    stored = {path.name.removesuffix(".gz"): path for path in SWAGGER.iterdir() if path.name != "package.json"}
    assert set(stored) == set(pinned["sha256"])
    assert int(pinned["version"].split(".")[0]) >= 5  # older ones cannot show OpenAPI 3.1
    for name, path in stored.items():
        data = path.read_bytes()
        found = gzip.decompress(data) if path.suffix == ".gz" else data
        assert hashlib.sha256(found).hexdigest() == pinned["sha256"][name], name
    done = subprocess.run([ROOT / "scripts" / "vendor-explorer", "--check"], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
