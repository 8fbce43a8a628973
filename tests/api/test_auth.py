"""API keys: what asks for one, how it is shown, and that it is never told."""

import asyncio
import hmac
import json

import pytest

from clinvk.api import explorer
from clinvk.api.console import routes as console
from clinvk.api.services import Bounds
from clinvk.api.table import ROUTES
from clinvk.domain import access
from clinvk.domain.access import Grant
from clinvk.telemetry.metrics import Metrics
from tests.api.client import DEADLINE
from tests.api.conftest import QUICK
from tests.api.locks import BEARER, BOUNDED, GRANTS, KEY, OTHER, lock

EXAMPLES = {"id": "run_0", "model": "demo", "name": "explorer.js"}
OPEN = {"getHealth", "getOpenapi", "getDocs", "getDocsFile", "getConsole", "getConsoleFile"}
EVERY = (*ROUTES, explorer.FILES, console.FILES, console.SOCKET)
WRONG = "clv_wrong-key-of-the-tests"


@pytest.fixture
def locked(server):
    return lock(server)


async def ask(server, method, path, headers=None):
    """Without a body, on a bare socket."""
    return await (await server.raw(method, path, headers)).reply()


def filled(route):
    return route.path.format(**EXAMPLES)


async def test_every_operation_asks_for_a_key_but_those_that_tell_nothing(locked):
    for route in EVERY:
        for headers in ({}, {"Authorization": f"Bearer {WRONG}", "X-Api-Key": WRONG}):
            reply = await ask(locked, route.method, filled(route), headers)
            assert (reply.status == 401) == (route.name not in OPEN), route.name
    assert locked.supervisor.journal.length == 0


async def test_with_the_key_every_operation_is_as_it_was(server):
    for route in EVERY:
        statuses = set()
        for grants, headers in (({}, {}), (GRANTS, BEARER)):
            connection = await lock(server, grants).raw(route.method, filled(route), headers)
            statuses.add(await connection.head())
            await connection.leave(abruptly=True)
        assert len(statuses) == 1, route.name
        assert 401 not in statuses


async def test_a_key_that_goes_while_the_body_comes_opens_nothing(locked):
    body = json.dumps({"backend": "demo", "prompt": QUICK}).encode()
    headers = {**BEARER, "Content-Type": "application/json", "Content-Length": str(len(body))}
    connection = await locked.raw("POST", "/api/v1/prompt", headers, body[:5])
    async with asyncio.timeout(DEADLINE):
        while not locked.services.requests.newest(1):
            await asyncio.sleep(0)
    lock(locked, {OTHER: Grant("laptop")})
    await connection.send(body[5:])
    assert (await connection.reply()).status == 401
    assert locked.supervisor.journal.length == 0


async def test_who_is_refused_is_seen_by_consoles_though_it_says_that_it_is_one(locked):
    await ask(locked, "GET", "/api/v1/runs", {"User-Agent": "clinvk/1"})
    await ask(locked, "GET", "/api/v1/runs", {"User-Agent": "clinvk/1", **BEARER})
    assert [seen.status for seen in locked.services.requests.newest(5)] == [401]


async def test_a_key_may_be_shown_in_either_header_and_any_that_is_right_opens(locked):
    for shown in (
        {"Authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer {KEY}"},
        {"authorization": f"BEARER   {KEY}"},
        {"Authorization": f"Bearer {KEY}  \t "}, {"X-Api-Key": KEY}, {"x-api-key": f"  {KEY} "},
        {"Authorization": f"Bearer {WRONG}", "X-Api-Key": KEY},
        {"Authorization": f"Bearer {KEY}", "X-Api-Key": WRONG},
        {"Authorization": "Basic dXNlcjpwYXNz", "X-Api-Key": KEY},
    ):  # fmt: skip
        assert (await ask(locked, "GET", "/api/v1/runs", shown)).status == 200, shown


async def test_what_shows_no_key_is_told_how_to_show_one(locked):
    for shown in (
        {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"X-Api-Key": ""},
        {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}, {"Authorization": f"Token {KEY}"},
        {"Authorization": f"Bearer{KEY}"}, {"Cookie": f"key={KEY}"}, {"Proxy-Authorization": f"Bearer {KEY}"},
        {"X-Api-Keys": KEY}, {"Sec-WebSocket-Protocol": "clinvk.key.Y2x2X29uZS1rZXktb2YtdGhlLXRlc3Rz"},
    ):  # fmt: skip
        reply = await ask(locked, "GET", "/api/v1/runs", shown)
        assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, 'Bearer realm="clinvk"'), shown
        assert "asks for an API key" in reply.json["detail"]
        assert "X-Api-Key" in reply.json["detail"]


async def test_a_key_that_is_not_known_is_refused_and_not_repeated(locked):
    for key in (
        WRONG, KEY[:-1], KEY + "x", KEY.upper(), f"{KEY},{KEY}", f"{KEY} {KEY}", f"{KEY}%20", "*",
        "'",
        f'"{KEY}"', "not-needed", "ключ", "x" * 60_000, "\xff\xfe", f"{KEY}\u00a0", "ci", access.digest(KEY).hex(),
    ):  # fmt: skip
        connection = await locked.connect()
        await connection.send(f"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}\r\n\r\n".encode())
        reply = await connection.reply()
        assert reply.status == 401, key
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="clinvk", error="invalid_token"'
        assert reply.json["detail"] == "The API key is not known here"


async def test_a_key_is_its_bytes_whatever_they_are(server):
    for key in ("ключ-ü-漢字", "\udcff\udcfe-bytes", "with spaces, and a comma", "x" * 60_000):
        lock(server, {key: Grant("odd")})
        for start in (b"X-Api-Key: ", b"Authorization: Bearer "):
            connection = await server.connect()
            shown = start + key.encode(errors="surrogateescape")
            await connection.send(b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n" % shown)
            assert (await connection.reply()).status == 200, shown[:40]


async def test_a_header_that_stands_twice_is_no_key(locked):
    for name, value in (("Authorization", f"Bearer {KEY}"), ("X-Api-Key", KEY)):
        for other in (value, "Bearer x", ""):
            connection = await locked.connect()
            lines = [
                "GET /api/v1/runs HTTP/1.1",
                "Host: localhost",
                f"{name}: {value}",
                f"{name}: {other}",
                "",
                "",
            ]
            await connection.send("\r\n".join(lines).encode())
            assert (await connection.reply()).status == 401, (name, other)


async def test_where_no_keys_are_configured_any_is_as_good_as_none(server):
    for key in ("not-needed", "", "Bearer", WRONG):
        reply = await server.prompt(QUICK, headers={"Authorization": f"Bearer {key}", "X-Api-Key": key})
        assert (reply.status, reply.json["output"]) == (200, "the d")


async def test_the_refusal_is_in_the_form_that_each_reader_knows(locked):
    chat = await locked.fetch("/openai/v1/chat/completions", {"model": "demo", "messages": []})
    assert chat.json["error"]["type"] == "authentication_error"
    assert chat.json["error"]["code"] == "invalid_api_key"
    version = {"anthropic-version": "2023-06-01", "X-Api-Key": WRONG}
    message = await locked.fetch("/anthropic/v1/messages", {"model": "demo"}, headers=version)
    assert (message.json["type"], message.json["error"]["type"]) == ("error", "authentication_error")
    native = await locked.prompt("/hang")
    assert native.json["type"] == "https://api.clinvk.dev/errors/unauthorized"
    for reply in (chat, message, native):
        assert reply.status == 401
        assert "WWW-Authenticate" in reply.headers
    assert locked.supervisor.journal.length == 0


async def test_of_a_path_that_is_none_and_a_method_that_is_wrong_nothing_is_told_before_a_key_is_shown(locked):
    for method, path in (
        ("GET", "/nothing"), ("POST", "/health"), ("DELETE", "/api/v1/prompt"), ("OPTIONS", "/api/v1/prompt"),
        ("OPTIONS", "/health"), ("TRACE", "/health"), ("PROPFIND", "/api/v1/runs"), ("GET", "/api/v1/runs/%ff"),
        ("HEAD", "/api/v1/prompt"), ("CONNECT", "/health"),
    ):  # fmt: skip
        connection = await locked.raw(method, path)
        assert await connection.head() == 401, (method, path)
        assert "Allow" not in connection.headers
        await connection.leave()
    assert (await ask(locked, "PROPFIND", "/api/v1/runs", BEARER)).status == 405
    assert (await ask(locked, "GET", "/api/v1/runs/%ff", BEARER)).status == 400


async def test_of_its_health_it_tells_but_the_word_to_whoever_shows_no_key(locked):
    for path in ("/health", "/health/", "//health"):
        for headers in ({}, {"Authorization": f"Bearer {WRONG}"}):
            reply = await locked.fetch(path, headers=headers)
            assert (reply.status, reply.json) == (200, {"status": "ok"})
            assert locked.faults("native/health", reply.json) == []
        whole = await locked.fetch(path, headers=BEARER)
        assert whole.json["runs"] == {"live": 0, "queued": 0}


async def test_a_load_balancer_sees_without_a_key_that_the_store_fails(locked, complaints):
    store = locked.keeping.store
    await store._read(lambda db: db.execute("PRAGMA query_only = ON"))
    await locked.prompt(QUICK, headers=BEARER)
    reply = await locked.fetch("/health")
    assert (reply.status, reply.json) == (503, {"status": "unhealthy"})


async def test_metrics_ask_for_a_key_if_the_settings_say_so(locked):
    locked.services.metrics = Metrics()
    for required in (True, False):
        locked.services.bounds = Bounds(metrics_require_key=required)
        assert (await ask(locked, "GET", "/metrics")).status == (401 if required else 200)
        assert (await ask(locked, "GET", "/metrics", BEARER)).status == 200


async def test_a_body_that_is_refused_for_want_of_a_key_is_not_read_as_one_and_the_answer_is_heard(locked):
    """Even a sender who hears nothing until all is sent gets it."""
    data = json.dumps({"backend": "demo", "prompt": "x" * (4 << 20)}).encode()
    reply = await locked.fetch("/api/v1/prompt", data=data)
    assert reply.status == 401
    connection = await locked.raw(
        "POST",
        "/api/v1/prompt",
        {"Content-Length": "1000000", "Content-Type": "text/plain", "Expect": "100-continue"},
    )
    assert await connection.head() == 401


async def test_who_has_no_key_is_told_nothing_of_what_else_is_wrong(locked):
    for headers in ({"Content-Type": "text/plain"}, {"Content-Length": "999999999999"}, {"Content-Length": "+5"}):
        connection = await locked.raw("POST", "/api/v1/prompt", headers | {"Expect": "100-continue"})
        assert await connection.head() in {401, 400}  # 400 is Tornado's own, of lengths that are none
        await connection.leave()
    foreign = await locked.fetch("/api/v1/runs", headers={"Origin": "https://evil.example", **BEARER})
    assert foreign.status == 403


async def test_every_key_is_compared_whichever_is_shown(locked, monkeypatch):
    compared = []

    def compare(known, shown):
        compared.append(known)
        return original(known, shown)

    original = hmac.compare_digest
    monkeypatch.setattr(access.hmac, "compare_digest", compare)
    for headers in (BEARER, {"X-Api-Key": OTHER}, {"X-Api-Key": WRONG}):
        compared.clear()
        await ask(locked, "GET", "/api/v1/runs", headers)
        assert len(compared) == len(set(compared)) == len(locked.services.keyring.grants)
        assert {len(each) for each in compared} == {32}
    compared.clear()
    await ask(locked, "GET", "/api/v1/runs", {**BEARER, "X-Api-Key": OTHER})
    assert len(compared) == 2 * len(locked.services.keyring.grants)


async def test_whose_key_it_was_is_told_by_its_label_and_the_key_by_nothing(locked, caplog):
    reply = await locked.prompt(QUICK, headers=BEARER)
    assert locked.newest().run.spec.origin.key_label == "ci"
    run = (await locked.fetch(f"/api/v1/runs/{reply.json['run_id']}", headers=BEARER)).json
    await locked.fetch("/api/v1/runs", headers={"X-Api-Key": OTHER})
    await locked.fetch("/api/v1/runs", headers={"X-Api-Key": WRONG})
    lines = [record for record in caplog.records if record.name == "clinvk.access"]
    assert [(line.key, line.status) for line in lines] == [("ci", 200), ("ci", 200), ("laptop", 200), (None, 401)]
    listed = (await locked.fetch("/api/v1/requests", headers=BEARER)).json["requests"]
    assert [each.get("key_label") for each in listed] == ["ci", None, "laptop", "ci", "ci"]
    told = "".join(str(vars(record)) for record in caplog.records) + json.dumps([run, listed])
    for key in (KEY, OTHER, WRONG):
        assert key not in told
        assert access.digest(key).hex() not in told


async def test_a_bounded_key_opens_what_it_may(locked):
    headers = {"X-Api-Key": BOUNDED}
    assert (await locked.prompt(QUICK, headers=headers)).json["output"] == "the d"


async def test_keys_that_are_read_again_hold_for_the_next_request_and_no_stream_is_dropped(locked):
    body = {"backend": "demo", "prompt": "/hang", "output_format": "stream-json"}
    connection = await locked.post(body, BEARER)
    assert await connection.head() == 200
    run_id = connection.headers["X-Run-Id"]
    lock(locked, {OTHER: Grant("laptop")})
    assert (await ask(locked, "GET", "/api/v1/runs", BEARER)).status == 401
    cancel = await ask(locked, "POST", f"/api/v1/runs/{run_id}/cancel", {"X-Api-Key": OTHER})
    assert cancel.status in {200, 202}
    async with asyncio.timeout(DEADLINE):
        assert b"run.finished" in await connection.chunks()
