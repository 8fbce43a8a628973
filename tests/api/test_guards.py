"""Who may ask at all."""

import socket

import pytest

from clinvk.api import guards
from clinvk.api.problems import Kind, Problem
from clinvk.api.services import Bounds


async def ask(server, headers, method="GET"):
    """A request with these headers and no others but its Host."""
    connection = await server.raw(method, "/health", headers)
    await connection.head()
    return connection.status


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "192.168.1.5:80", "[::1]", "[::1]:8080", "[2001:db8::1]", "localhost",
     "LOCALHOST:8080", "localhost.", "api.localhost", "localhost.localdomain", "ip6-localhost", "10.0.0.1"],
)  # fmt: skip
async def test_an_address_or_a_loopback_name_is_a_host_of_ours(server, host):
    assert await ask(server, {"Host": host}) == 200


async def test_this_machines_name_is_a_host_of_ours(server):
    assert await ask(server, {"Host": f"{socket.gethostname()}:1234"}) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost",
     "1.2.3", "127.1", "[::1", "[v1.x]"],
)  # fmt: skip
async def test_a_name_rebound_to_this_machine_is_refused(server, host):
    reply = await server.fetch("/health", headers={"Host": host})
    assert (reply.status, reply.json["type"]) == (403, "https://api.clinvk.dev/errors/forbidden")
    assert "server.allowed_hosts" in reply.json["detail"]


@pytest.mark.parametrize("host", ["clinvk.example", "CLINVK.example:8080", "other.example", "other.example."])
async def test_a_host_that_was_allowed_passes_in_any_case(new_server, host):
    server = await new_server(Bounds(allowed_hosts=("clinvk.example", "Other.Example")))
    assert await ask(server, {"Host": host}) == 200
    assert await ask(server, {"Host": "evil.example"}) == 403


async def test_a_request_without_a_host_passes_no_browser_sends_one(server):
    connection = await server.connect()
    await connection.send(b"GET /health HTTP/1.0\r\n\r\n")
    assert (await connection.reply()).json["status"] == "ok"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost.evil.example", "null", "http://192.168.1.5", "http://[evil", "",
     "http://", "://localhost", "chrome-extension://abc", "file://", "http://evil.example:8080@localhost.evil",
     "http://evil.example@localhost", "http://localhost/", "localhost", "http://localhost evil.example"],
)  # fmt: skip
async def test_a_page_from_elsewhere_is_refused_whatever_it_asks(server, origin, method):
    assert await ask(server, {"Origin": origin}, method) == 403


@pytest.mark.parametrize(
    "origin",
    ["http://localhost", "http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:3000",
     "http://app.localhost:5173"],
)  # fmt: skip
async def test_a_page_of_this_machine_passes(server, origin):
    assert await ask(server, {"Origin": origin}) == 200


async def test_a_page_that_this_very_server_gave_passes(new_server):
    server = await new_server(Bounds(allowed_hosts=("clinvk.example",)))
    same = {"Host": "clinvk.example:8080", "Origin": "http://clinvk.example:8080"}
    assert await ask(server, same) == 200
    assert await ask(server, same | {"Origin": "http://clinvk.example:9090"}) == 403


async def test_a_page_from_elsewhere_starts_no_agent(server):
    reply = await server.prompt("/hang", headers={"Origin": "https://evil.example"})
    assert (reply.status, server.supervisor.journal.length) == (403, 0)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_a_post_needs_a_media_type(server, method):
    assert await ask(server, {"Content-Type": "text/plain"}, method) == (200 if method == "GET" else 405)


def test_a_post_without_a_body_needs_no_media_type():
    guards.check_media_type(None, has_body=False)
    with pytest.raises(Problem) as refused:
        guards.check_media_type(None, has_body=True)
    assert refused.value.kind is Kind.MEDIA_TYPE


def test_a_host_that_cannot_be_parsed_is_a_name_we_do_not_have():
    with pytest.raises(Problem):
        guards.check_host("[::1", ())
