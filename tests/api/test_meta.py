"""What every answer has, and what the server says of itself."""

import pytest

from clinvk import __version__
from clinvk.api import meta
from clinvk.supervisor.limits import BackendOptions, Limits


async def test_the_root_says_where_to_go(server):
    reply = await server.fetch("/")
    assert server.faults("native/root", reply.json) == []
    for link in ("health", "openapi"):
        assert (await server.fetch(reply.json[link])).status == 200


async def test_health_tells_of_backends_and_runs(server):
    await server.prompt("/hang", detach=True)
    await server.started()
    reply = await server.fetch("/health")
    assert server.faults("native/health", reply.json) == []
    assert (reply.json["status"], reply.json["version"]) == ("ok", __version__)
    assert reply.json["backends"] == [  # nobody has looked for the others yet
        *({"name": name, "available": False} for name in ("claude", "codex", "gemini")),
        {"name": "demo", "available": True},
    ]
    assert reply.json["runs"] == {"live": 1, "queued": 0}


@pytest.mark.parametrize(
    ("seconds", "spelled"),
    [(0, "0s"), (59.9, "59s"), (60, "1m0s"), (151, "2m31s"), (3600, "1h0m0s"), (100_000, "27h46m40s")],
)
def test_uptime_is_spelled_for_people(seconds, spelled):
    assert meta._spelled(seconds) == spelled


@pytest.mark.parametrize(
    "path", ["/", "/health", "/openapi.json", "/api/v1/runs", "/api/v1/events", "//", "/health/"]
)
async def test_head_is_get_without_the_body(server, path):
    reply = await server.fetch(path, method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    if "events" in path:
        assert "Content-Length" not in reply.headers
    else:
        assert int(reply.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", "GET, HEAD, OPTIONS"),
        ("/api/v1/prompt", "OPTIONS, POST"),
        ("/api/v1/runs/run_1", "DELETE, GET, HEAD, OPTIONS"),
        ("/api/v1/runs/run_1/cancel", "OPTIONS, POST"),
    ],
)
async def test_options_tells_what_a_path_takes(server, path, allowed):
    reply = await server.fetch(path, method="OPTIONS")
    assert (reply.status, reply.headers["Allow"], reply.body) == (204, allowed, b"")


@pytest.mark.parametrize("path", ["//health", "/health/", "/health//", "///health///", "//health?x=1"])
async def test_doubled_and_trailing_slashes_are_one(server, path):
    assert (await server.fetch(path)).json["status"] == "ok"


async def test_a_doubled_slash_within_a_path_is_one(server):
    reply = await server.fetch("/api//v1/prompt/", {"backend": "demo", "prompt": "/big 5"})
    assert reply.json["output"] == "the d"


@pytest.mark.parametrize("sane", ["mine", "a" * 128, "!~", "550e8400-e29b-41d4-a716-446655440000"])
async def test_a_sane_request_id_is_kept(server, sane):
    reply = await server.fetch("/health", headers={"X-Request-Id": sane})
    assert reply.headers["X-Request-Id"] == reply.headers["request-id"] == sane


@pytest.mark.parametrize("insane", ["", "a" * 129, "a b", "a\tb", "ü"])
async def test_an_insane_request_id_is_replaced(server, insane):
    connection = await server.connect()
    head = f"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {insane}\r\n\r\n"
    await connection.send(head.encode("latin-1"))
    reply = await connection.reply()
    server.check("GET", "/health", reply)
    assert reply.headers["X-Request-Id"].startswith("req_")


async def test_a_problem_keeps_the_request_id_too(server):
    reply = await server.fetch("/nothing", headers={"X-Request-Id": "mine"})
    assert reply.json["request_id"] == reply.headers["request-id"] == "mine"


async def test_no_answer_names_the_software_or_lets_a_browser_guess(server):
    for path in ("/health", "/nothing"):
        headers = (await server.fetch(path)).headers
        assert "Server" not in headers
        assert "Etag" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_one_connection_serves_one_request_after_another(server):
    connection = await server.connect()
    for path, status in (("/health", 200), ("/nothing", 404), ("/", 200), ("/api/v1/runs?limit=x", 400)):
        await connection.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert (await connection.reply()).status == status


async def test_requests_sent_ahead_are_answered_in_order(server):
    connection = await server.connect()
    heads = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in ("/health", "/nothing", "/")]
    await connection.send("".join(heads).encode())
    assert [(await connection.reply()).status for _ in heads] == [200, 404, 200]


async def test_every_request_has_one_access_line_that_holds_no_prompt(server, caplog):
    reply = await server.prompt("/big 5 a-word-like-no-other", headers={"X-Request-Id": "mine"})
    (line,) = [record for record in caplog.records if record.name == "clinvk.access"]
    assert (line.method, line.path, line.status) == ("POST", "/api/v1/prompt", 200)
    assert (line.request_id, line.run_id, line.client) == ("mine", reply.json["run_id"], "127.0.0.1")
    assert line.ms > 0
    assert not [record for record in caplog.records if "a-word-like-no-other" in str(vars(record))]


async def test_a_backend_that_the_configuration_wants_and_that_is_missing_is_told(new_server):
    wanted = Limits(backends={"claude": BackendOptions(wanted=True), "demo": BackendOptions(wanted=True)})
    reply = await (await new_server(limits=wanted)).fetch("/health")
    assert (reply.status, reply.json["status"]) == (200, "degraded")


async def test_a_store_that_fails_is_told_until_it_works_again(server, complaints):
    store = server.keeping.store
    await server.prompt("/big 5")
    assert (await server.fetch("/health")).json["session_store"] == {"available": True, "session_count": 1}
    await store._read(lambda db: db.execute("PRAGMA query_only = ON"))
    assert "session_id" not in (await server.prompt("/big 5")).json
    reply = await server.fetch("/health")
    assert (reply.status, reply.json["status"]) == (503, "unhealthy")
    assert "readonly" in reply.json["session_store"]["reason"]
    await store._read(lambda db: db.execute("PRAGMA query_only = OFF"))
    assert "session_id" in (await server.prompt("/big 5")).json
    assert (await server.fetch("/health")).json["status"] == "ok"
