"""/console: who gets it, what its socket does, and that nothing of a visit stays."""

import asyncio
import base64
import gzip
import hashlib
import json
import os
import re
import socket
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from clinvk import wiring
from clinvk.api.console.visitors import LIMIT, Closing
from tests.api.client import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
CONSOLE = ROOT / "clinvk" / "api" / "console"
ESCAPES = re.compile(r"\x1b(\[[0-9;?<>$]*[a-zA-Z]|\][^\x07]*\x07|.)")
SIZE = {"type": "size", "columns": 120, "rows": 40, "dark": True}
OFF = "server.console_enabled"


class Tab:
    """A page's side of the socket."""

    def __init__(self, connection):
        self.connection = connection
        self._seen = b""
        self._over = False

    def say(self, **message):
        return self.connection.write_message(json.dumps(message))

    def type(self, text):
        return self.say(type="input", text=text)

    async def sees(self, text):
        """`text` comes, after what was seen before."""
        await self.until(lambda shown: text in shown)

    async def until(self, holds):
        """It comes to hold of what was shown since."""
        async with asyncio.timeout(DEADLINE):
            while not holds(shown := ESCAPES.sub("", self._seen.decode())):
                message = await self.connection.read_message()
                self._over = message is None
                assert not self._over, f"closed ({self.connection.close_reason}) after {shown[-2000:]}"
                self._seen += message
        self._seen = b""

    async def closed(self):
        """With which code and reason the server closed it."""
        async with asyncio.timeout(DEADLINE):
            while not self._over:
                self._over = await self.connection.read_message() is None
        return self.connection.close_code, self.connection.close_reason

    def leave(self):
        self.connection.close()


async def enter(server, **headers):
    """A socket, before its first word; closed when its server is."""
    url = f"ws://127.0.0.1:{server.port}/console/socket"
    given = {"Origin": server.origin} | {name.replace("_", "-"): value for name, value in headers.items()}
    tab = Tab(await websocket_connect(HTTPRequest(url, headers=given, request_timeout=DEADLINE)))
    server.tabs.append(tab)
    return tab


async def visit(server):
    """A visitor before the first screen."""
    tab = await enter(server)
    await tab.say(**SIZE)
    await tab.sees("help")
    return tab


async def refusal(server, **headers):
    """The status and the problem that a socket was refused with."""
    with pytest.raises(HTTPClientError) as refused:
        await enter(server, **headers)
    return refused.value.code, json.loads(refused.value.response.body)


async def deserted(server):
    """Waits until nobody is there any more."""
    async with asyncio.timeout(DEADLINE):
        while len(server.services.visitors) or consoles():
            await asyncio.sleep(0)


def consoles():
    return [task for task in asyncio.all_tasks() if "console" in task.get_name()]


@pytest.fixture
async def serving(server):
    """A server with a console."""
    server.services.console = wiring.console(server.services.monitor)
    server.services.visitors.allow(True)
    server.tabs = []
    yield server
    await server.services.visitors.close()
    assert not consoles()
    for tab in server.tabs:
        tab.leave()
        await tab.closed()


async def test_a_visitor_sees_the_server(serving):
    tab = await enter(serving)
    await tab.say(**SIZE)
    await tab.sees(serving.origin)


async def test_a_visitor_sees_a_run_begin(serving):
    tab = await visit(serving)
    await serving.prompt("/hang", detach=True)
    await tab.sees("1 live")


async def test_keys_act(serving):
    tab = await visit(serving)
    await tab.type("?")
    await tab.sees("Leave the console")


async def test_the_screen_follows_the_window(serving):
    tab = await visit(serving)
    await tab.say(**{**SIZE, "columns": 61})
    await tab.until(lambda shown: any("help" in line and len(line) == 61 for line in shown.split("\n")))


async def test_q_says_good_bye_and_the_server_stays(serving):
    tab = await visit(serving)
    await tab.type("q")
    assert await tab.closed() == (Closing.LEFT, "You left the console")
    await deserted(serving)
    assert (await serving.fetch("/health")).status == 200


@pytest.mark.parametrize("seen", [True, False])
async def test_who_leaves_takes_the_console_along(serving, seen):
    before = asyncio.all_tasks()
    tab = await (visit(serving) if seen else enter(serving))
    if not seen:
        await tab.say(**SIZE)
    tab.leave()
    await deserted(serving)
    async with asyncio.timeout(DEADLINE):
        while left := {each for each in asyncio.all_tasks() - before if "console" in repr(each).lower()}:
            await asyncio.sleep(0)
    assert not left


async def test_a_page_that_vanishes_takes_the_console_along(serving):
    tab = await visit(serving)
    tab.connection.protocol.stream.close()
    await deserted(serving)


async def test_for_eight_visitors_there_is_room_and_for_a_ninth_once_one_has_left(serving):
    tabs = [await enter(serving) for _ in range(LIMIT)]
    ninth = await enter(serving)
    assert await ninth.closed() == (Closing.FULL, "8 consoles are open already")
    tabs[3].leave()
    async with asyncio.timeout(DEADLINE):
        while len(serving.services.visitors) == LIMIT:
            await asyncio.sleep(0)
    await visit(serving)


async def test_a_reader_that_stalls_costs_little_memory_and_no_other_visitor_waits(serving):
    """On a bare socket, with as little room for what it does not read as there can be."""
    stalled = socket.create_connection(("127.0.0.1", serving.port))
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.setblocking(False)
    await handshake(serving, stalled)
    (seat,) = serving.services.visitors._here
    async with asyncio.timeout(DEADLINE):
        while not (seat._visit and seat._visit._driver):
            await asyncio.sleep(0)
    driver = seat._visit._driver
    async with asyncio.timeout(DEADLINE):
        while not driver._outlet.stalled:
            driver.write("x" * 10_000)
            await asyncio.sleep(0)
    held = driver._outlet.size
    for _ in range(1000):
        driver.write("x" * 10_000)
    assert driver._outlet.size == held < 200_000
    other = await visit(serving)
    other.leave()
    stalled.close()
    await deserted(serving)


async def handshake(server, connection):
    """Make a socket of `connection` by hand, and tell a size; nothing that comes after the head is read."""
    loop = asyncio.get_running_loop()
    key = base64.b64encode(os.urandom(16)).decode()
    await loop.sock_sendall(
        connection,
        f"GET /console/socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode(),
    )
    assert (await loop.sock_recv(connection, 12)).endswith(b"101")
    said = json.dumps(SIZE).encode()
    await loop.sock_sendall(connection, b"\x81" + bytes([0x80 | len(said)]) + bytes(4) + said)


async def test_what_no_page_of_ours_says_ends_the_visit(serving):
    wrong_size = '{"type": "size", "columns": "x", "rows": 1}'
    for message in ("", "{", "[]", '{"type": "shell"}', wrong_size, '{"type": "input"}', b"\xff"):
        tab = await enter(serving)
        await tab.connection.write_message(message, binary=isinstance(message, bytes))
        code, reason = await tab.closed()
        assert (code, "reload" in reason) == (Closing.NOT_UNDERSTOOD, True), message
    await deserted(serving)


async def test_a_key_before_there_is_a_screen_is_nothing(serving):
    tab = await enter(serving)
    await tab.type("q")
    await tab.say(**SIZE)
    await tab.sees("help")


async def test_a_message_without_end_is_not_taken(serving):
    tab = await visit(serving)
    await tab.type("x" * (300 << 10))
    await tab.closed()
    await deserted(serving)


async def test_a_console_that_crashes_takes_nobody_along(serving, complaints):
    other = await visit(serving)
    (before,) = serving.services.visitors._here
    tab = await visit(serving)
    (seat,) = serving.services.visitors._here - {before}

    def fail():
        raise ValueError("broken")

    seat._visit._console.call_later(fail)
    code, reason = await tab.closed()
    assert (code, "crashed" in reason) == (Closing.CRASHED, True)
    assert [record.getMessage() for record in complaints()] == ["task 'console in a browser' crashed"]
    await other.type("?")
    await other.sees("Leave the console")


async def test_switched_off_all_visitors_are_sent_away(serving):
    tab = await visit(serving)
    serving.services.visitors.allow(False)
    code, reason = await tab.closed()
    assert (code, OFF in reason) == (Closing.SWITCHED_OFF, True)
    await deserted(serving)
    assert (await serving.fetch("/console")).status == 404


async def test_the_end_of_the_server_is_told(serving):
    tab = await visit(serving)
    await serving.services.visitors.close()
    assert (await tab.closed())[0] == Closing.SERVER_ENDS
    assert not consoles()


async def test_without_the_setting_there_is_neither_page_nor_socket(serving):
    serving.services.visitors.allow(False)
    reply = await serving.fetch("/console")
    assert reply.status == 404
    assert OFF in reply.json["detail"]
    status, problem = await refusal(serving)
    assert status == 404
    assert OFF in problem["detail"]


async def test_no_other_page_gets_a_socket_not_even_one_of_this_machine(serving):
    port = serving.port
    own = f"127.0.0.1:{port}"
    for origin in (
        "http://evil.example", "null", "", "file://", "http://127.0.0.1", "http://127.0.0.1:1", f"http://localhost:{port}",
        f"http://{own}.evil.example", f"http://{own}@evil.example", f"http://evil.example/{own}", own,
    ):  # fmt: skip
        status, problem = await refusal(serving, Origin=origin)
        assert status == 403, origin
        assert problem["type"].endswith("/forbidden")
    assert len(serving.services.visitors) == 0


async def test_the_page_under_another_name_of_the_server_gets_one(serving):
    own = f"localhost:{serving.port}"
    tab = await enter(serving, Origin=f"http://{own}", Host=own)
    await tab.say(**SIZE)
    await tab.sees("help")


async def test_a_name_that_the_server_does_not_answer_to_leads_nowhere(serving):
    status, problem = await refusal(serving, Host="evil.example", Origin="http://evil.example")
    assert status == 403
    assert "evil.example" in problem["detail"]


async def test_a_socket_that_is_asked_for_like_a_page_says_what_it_is(serving):
    reply = await serving.fetch("/console/socket")
    assert reply.status == 400
    assert "open /console" in reply.json["detail"]
    assert (await serving.fetch("/console/socket", method="HEAD")).status == 400
    assert (await serving.fetch("/console/socket", {}, method="POST")).status == 405


async def test_nothing_that_is_typed_or_shown_is_logged(serving, caplog):
    tab = await visit(serving)
    caplog.clear()
    await tab.type("sesame-open?")
    await tab.sees("Leave the console")
    tab.leave()
    await deserted(serving)
    assert "sesame" not in caplog.text
    assert "Leave the console" not in caplog.text


async def test_a_visit_is_one_line_of_the_access_log_when_it_begins(serving):
    await visit(serving)
    (line,) = [each for each in serving.log.records if getattr(each, "path", "") == "/console/socket"]
    assert line.status == 101


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
