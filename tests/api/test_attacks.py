"""What pages elsewhere may try, and clients that do not keep to the rules: none of it starts an agent."""

import base64
import json
import os

import pytest

from tests.api.conftest import QUICK
from tests.api.locks import BEARER, KEY, lock

PROMPT = json.dumps({"backend": "demo", "prompt": QUICK}).encode()
EVIL = "https://evil.example"


@pytest.fixture(params=["without keys", "with keys"])
def guarded(request, server):
    return lock(server) if request.param == "with keys" else server


async def sent(server, head, body=b""):
    """What comes back of these very bytes, until the server hangs up."""
    connection = await server.connect()
    await connection.send(head.encode("latin-1").replace(b"\n", b"\r\n") + b"\r\n" + body)
    return await connection.closed()


def started(server):
    return server.supervisor.journal.length


async def test_a_name_that_was_rebound_to_this_machine_leads_nowhere_not_even_with_a_key(guarded):
    for host in (
        "evil.example",
        f"evil.example:{guarded.port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
    ):
        for headers in ({}, {"Origin": f"http://{host}"}, {"Sec-Fetch-Site": "same-origin"}):
            reply = await guarded.fetch("/api/v1/prompt", data=PROMPT, headers={"Host": host, **headers, **BEARER})
            assert reply.status == 403, host
            assert not [name for name in reply.headers if name.startswith("Access-Control-")]
    for path in ("/health", "/docs", "/openapi.json", "/console", "/nothing"):
        assert (await guarded.fetch(path, headers={"Host": "evil.example"})).status == 403
    assert started(guarded) == 0


async def test_a_form_of_a_page_elsewhere_starts_nothing(guarded):
    """What browsers send across sites without asking first: with an origin, or where that is lost, with none."""
    forms = {
        "text/plain": PROMPT,
        "application/x-www-form-urlencoded": b"backend=demo&prompt=hello",
        "multipart/form-data; boundary=x": b"--x\r\nContent-Disposition: form-data\r\n\r\n%s\r\n--x--" % PROMPT,
    }  # fmt: skip
    for kind, body in forms.items():
        for origin in ({}, {"Origin": EVIL}, {"Origin": "null"}, {"Origin": f"http://127.0.0.1:{guarded.port}"}):
            headers = {"Content-Type": kind, "Sec-Fetch-Mode": "no-cors", **origin, **BEARER}
            reply = await guarded.fetch("/api/v1/prompt", data=body, headers=headers)
            is_foreign = origin.get("Origin", "http://127").startswith(("https", "null"))
            assert reply.status == (403 if is_foreign else 415)
    connection = await guarded.raw(
        "POST", "/api/v1/prompt", {"Content-Length": str(len(PROMPT)), **BEARER}, PROMPT
    )
    assert await connection.head() == 415  # of no type at all
    assert started(guarded) == 0


SMUGGLED = {
    "two lengths that differ": f"Content-Length: {len(PROMPT)}\nContent-Length: 3\n",
    "two lengths in one": f"Content-Length: {len(PROMPT)}, 3\n",
    "a length and chunks": f"Content-Length: {len(PROMPT)}\nTransfer-Encoding: chunked\n",
    "chunks by a name with a blank": "Transfer-Encoding : chunked\n",
    "chunks under another coding": "Transfer-Encoding: gzip, chunked\n",
    "chunks that are none": "Transfer-Encoding: xchunked\n",
    "a length with a sign": f"Content-Length: +{len(PROMPT)}\n",
    "a length that is no number": "Content-Length: 0x10\n",
    "a folded line": "X-One: a\n b: c\n",
    "a folded key": "Authorization:\n Bearer x\n",
    "no colon": "Header\n",
    "a name with a blank": "X Header: a\n",
    "an empty name": ": a\n",
    "a NUL": "X-One: a\0b\n",
    "a bare CR": "X-One: a\rX-Two: b\n",
    "two hosts": "Host: evil.example\n",
    "two hosts of ours": "Host: localhost\n",
}


@pytest.mark.parametrize("kind", SMUGGLED)
async def test_a_head_that_can_be_read_in_two_ways_is_not_read_at_all(server, kind):
    """Who stands before this server may read it the other way: then it has checked another request than we run."""
    start = (
        "POST /api/v1/prompt HTTP/1.1\nHost: localhost\nContent-Type: application/json\nAuthorization: Bearer x\n"
    )
    answer = await sent(
        server, start + SMUGGLED[kind], PROMPT + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert started(server) == 0


async def test_lines_that_end_with_a_bare_line_feed_hide_nothing(server):
    """Each request behind such a line is one of its own, with a key of its own."""
    lock(server)
    hidden = b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    connection = await server.connect()
    await connection.send(
        b"GET /api/v1/runs HTTP/1.1\nHost: localhost\nX-Api-Key: %s\n\n%s" % (KEY.encode(), hidden)
    )
    assert (await connection.reply()).status == 200
    assert (await connection.reply()).status == 401
    assert await connection.closed() == b""


async def test_no_way_to_spell_a_path_gets_past_the_key(server):
    lock(server)
    paths = (
        "//api/v1/runs", "/api//v1/runs", "/./api/v1/runs", "/health/../api/v1/runs", "/docs/../api/v1/runs",
        "/health/%2e%2e/api/v1/runs", "/docs/%2e%2e/%2e%2e/api/v1/runs", "/docs/..%2fapi%2fv1%2fruns",
        "/docs%2f..%2fapi/v1/runs", "/%61pi/v1/runs", "/api%2fv1%2fruns", "/api/v1/runs/", "/api/v1/runs;/health",
        "/health;/api/v1/runs", "/api/v1/runs?x=/health", "/api/v1/runs#/health", "/HEALTH", "/Health", "/Docs",
        "/health.json", "/health%20", "/health%00", "/health%0a", "/api/v1/runs/run_1?/docs",
        "\\health", "/\\health",
        "/console/socket", "/console/socket/", "//console//socket", "/openapi.json/../api/v1/runs",
        "/openapi.json/x",
        "http://localhost/api/v1/runs", "http://evil.example/health", "https://evil.example/api/v1/runs",
        "http://localhost/health", "evil.example:80", "*", "/api/v1/runs HTTP/1.1 /health",
    )  # fmt: skip
    for path in paths:
        answer = await sent(server, f"GET {path} HTTP/1.1\nHost: localhost\nConnection: close\n")
        status = int(answer[9:12])
        served_a_file = path.startswith("/docs/") and status == 404  # of the explorer there is none of that name
        assert status in {400, 401} or served_a_file, (path, answer)
        assert b'"runs"' not in answer


async def test_the_host_of_a_target_counts_for_nothing(guarded):
    for target in ("http://localhost/health", f"http://127.0.0.1:{guarded.port}/api/v1/runs"):
        answer = await sent(guarded, f"GET {target} HTTP/1.1\nHost: evil.example\nConnection: close\n")
        assert answer.startswith(b"HTTP/1.1 403")


OVERRIDES = (
    {"X-HTTP-Method-Override": "GET"}, {"X-HTTP-Method": "GET"}, {"X-Method-Override": "DELETE"},
    {"X-Original-URL": "/health"}, {"X-Rewrite-URL": "/health"}, {"X-Original-Method": "OPTIONS"},
    {"X-Forwarded-Host": "localhost"}, {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1;host=localhost"},
    {"X-Forwarded-User": "root"}, {"X-Forwarded-Uri": "/health"}, {"Access-Control-Request-Method": "POST"},
)  # fmt: skip


async def test_no_header_makes_another_request_of_it(server):
    lock(server)
    for headers in OVERRIDES:
        assert (await (await server.raw("GET", "/api/v1/runs", headers)).reply()).status == 401, headers
        listed = await server.fetch("/api/v1/runs", headers=headers | BEARER)
        assert (listed.status, "runs" in listed.json) == (200, True)
        reply = await server.fetch("/api/v1/prompt", {"backend": "demo"}, headers=headers | BEARER)
        assert reply.status == 400  # it is a POST still, and its prompt is missing
    query = await server.fetch("/api/v1/runs?_method=DELETE&access_token=x&api_key=x&key=x")
    assert query.status == 401


async def test_a_preflight_is_one_only_as_browsers_send_it(server):
    lock(server)
    own = {"Origin": "http://localhost:3000"}
    asked = {"Access-Control-Request-Method": "POST"}
    assert (await server.fetch("/api/v1/prompt", method="OPTIONS", headers=own | asked)).status == 204
    for method, headers in (("OPTIONS", own), ("OPTIONS", asked), ("POST", own | asked), ("GET", own | asked)):
        reply = await server.fetch("/api/v1/runs/run_0/cancel", method=method, headers=headers)
        assert reply.status == 401, (method, headers)


async def test_a_path_that_is_no_socket_does_not_become_one(guarded):
    upgrade = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }  # fmt: skip
    for path, status in (("/health", 200), ("/api/v1/runs", 200), ("/nothing", 404), ("/console/x.js", 404)):
        connection = await guarded.raw("GET", path, upgrade | BEARER)
        assert await connection.head() == status
        assert "Sec-WebSocket-Accept" not in connection.headers
        await connection.leave()
    if guarded.services.keyring:
        connection = await guarded.raw("GET", "/api/v1/runs", upgrade)
        assert await connection.head() == 401
