"""Pages of other origins: who may ask, what browsers are told, and what pages may read."""

import pytest

from clinvk.api import cors
from clinvk.api.client import Client
from clinvk.api.cors import Cors
from clinvk.api.openapi import headers
from clinvk.api.problems import Problem
from clinvk.api.services import Bounds
from tests.api.conftest import QUICK
from tests.api.locks import BEARER, lock

APP = "https://app.example.com"
DEV = "http://localhost:3000"
OPENAI = (
    "authorization,content-type,user-agent,openai-organization,openai-project,x-stainless-arch,x-stainless-lang,"
    "x-stainless-os,x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,"
    "x-stainless-runtime-version,x-stainless-timeout,idempotency-key"
)
ANTHROPIC = (
    "anthropic-beta,anthropic-dangerous-direct-browser-access,anthropic-version,content-type,x-api-key,"
    "x-stainless-helper-method,x-stainless-lang,x-stainless-retry-count,x-stainless-timeout"
)


@pytest.fixture
async def serving(new_server):
    """A server to which pages of one origin may come."""
    return await new_server(Bounds(cors=Cors((APP,))))


def configured(server, *origins, **more):
    server.services.bounds = Bounds(cors=Cors(origins, **more))


async def preflight(server, origin, path="/api/v1/prompt", method="POST", wanted="", **more):
    asked = {"Origin": origin, "Access-Control-Request-Method": method, **more}
    if wanted:
        asked["Access-Control-Request-Headers"] = wanted
    return await server.fetch(path, method="OPTIONS", headers=asked)


def about_pages(reply):
    """What it says of other origins."""
    return {name for name in reply.headers if name.startswith("Access-Control-")}


def listed(reply, name):
    return [each.strip() for each in reply.headers.get(name, "").split(",") if each.strip()]


async def test_a_page_that_may_ask_may_read_every_kind_of_answer(serving):
    stream = {"backend": "demo", "prompt": QUICK, "output_format": "stream-json"}
    answers = [
        await serving.fetch("/api/v1/runs", headers={"Origin": APP}),
        await serving.prompt(QUICK, headers={"Origin": APP}),
        await serving.fetch("/api/v1/prompt", stream, headers={"Origin": APP}),
        await serving.fetch("/nothing", headers={"Origin": APP}),
        await serving.fetch("/api/v1/prompt", {}, headers={"Origin": APP}),
        await serving.fetch("/api/v1/prompt", data=b"x", headers={"Origin": APP, "Content-Type": "text/plain"}),
        await serving.fetch("/health", method="DELETE", headers={"Origin": APP}),
        await serving.fetch("/health", method="PROPFIND", headers={"Origin": APP}),
        await serving.fetch("/health", method="HEAD", headers={"Origin": APP}),
    ]
    assert [reply.status for reply in answers] == [200, 200, 200, 404, 400, 415, 405, 405, 200]
    lock(serving)
    answers.append(await serving.fetch("/api/v1/runs", headers={"Origin": APP}))
    assert answers[-1].status == 401
    for reply in answers:
        assert reply.headers["Access-Control-Allow-Origin"] == APP
        assert reply.headers["Vary"] == "Origin"
        assert set(listed(reply, "Access-Control-Expose-Headers")) == set(cors.EXPOSED)
        assert "Access-Control-Allow-Credentials" not in reply.headers


async def test_a_stream_that_breaks_at_its_head_says_so_to_the_page_too(serving):
    reply = await serving.fetch("/openai/v1/chat/completions", {"model": "demo", "stream": True, "messages": [
        {"role": "user", "content": "/fail"}]}, headers={"Origin": APP})  # fmt: skip
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (502, APP)


async def test_a_page_that_may_not_ask_may_not_even_read_the_refusal(serving):
    for origin in (
        "https://evil.example", "http://app.example.com", "https://app.example.com.evil.example", "null", DEV,
        "https://app.example.com:8443", "https://evil.app.example.com", "https://app.example.com/", f"{APP},{APP}",
        "https://app.example.com@evil.example", "https://appXexample.com", "", "app.example.com", "https://",
    ):  # fmt: skip
        for reply in (await serving.prompt("/hang", headers={"Origin": origin}), await preflight(serving, origin)):
            assert (reply.status, about_pages(reply)) == (403, set()), origin
    assert serving.supervisor.journal.length == 0


async def test_a_client_that_is_no_browser_is_told_nothing_but_that_origins_matter(serving):
    reply = await serving.fetch("/api/v1/runs")
    assert (about_pages(reply), reply.headers["Vary"]) == (set(), "Origin")


@pytest.mark.parametrize(
    ("origins", "may", "may_not"),
    [
        ((), [DEV, "https://127.0.0.1", "http://[::1]:1", "http://a.localhost", "app://localhost"], [APP, "null"]),
        ((APP,), [APP, "HTTPS://APP.EXAMPLE.COM", "https://app.example.com:443"], [DEV, "http://127.0.0.1:3000"]),
        (("https://App.Example.com:443", "http://a.test:80"), [APP, "http://a.test"], ["http://a.test:443"]),
        (("http://192.168.1.7:3000",), ["http://192.168.1.7:3000"], ["http://192.168.1.7"]),
        (("null",), ["null"], [APP, DEV]),
        (("*",), [APP, DEV, "null", "chrome-extension://abc", "http://evil@localhost"], []),
        (("*", APP), [APP, "http://other.test"], []),
        (("vscode-webview://abc",), ["vscode-webview://abc"], ["vscode-webview://abd"]),
    ],
)  # fmt: skip
def test_who_may_ask_is_what_the_settings_say(origins, may, may_not):
    rule, elsewhere = Cors(origins), Client("127.0.0.1", "http", "clinvk.test:8080")
    for origin in may:
        rule.check(origin, elsewhere)
    for origin in may_not:
        with pytest.raises(Problem):
            rule.check(origin, elsewhere)


def test_the_servers_own_page_may_always_ask_and_no_plain_page_of_a_server_with_tls():
    rule = Cors((APP,))
    plain, secure = Client("", "http", "clinvk.test:8080"), Client("", "https", "clinvk.test:8080")
    rule.check("http://clinvk.test:8080", plain)
    rule.check("https://CLINVK.test:8080", plain)  # its TLS ends at a proxy
    rule.check("https://clinvk.test:8080", secure)
    for origin, client in (
        ("http://clinvk.test:8080", secure), ("http://clinvk.test:8081", plain), ("ftp://clinvk.test:8080", plain),
        ("clinvk.test:8080", plain), ("http://x@clinvk.test:8080", plain),
    ):  # fmt: skip
        with pytest.raises(Problem):
            rule.check(origin, client)


async def test_every_origin_is_said_as_such_and_then_nothing_depends_on_it(serving):
    configured(serving, "*", credentials=True)
    reply = await serving.fetch("/api/v1/runs", headers={"Origin": "https://any.example"})
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert not {"Vary", "Access-Control-Allow-Credentials"} & set(reply.headers)  # browsers would take neither


async def test_cookies_are_let_along_only_if_the_settings_say_so(serving):
    configured(serving, APP, credentials=True)
    for reply in (await serving.fetch("/api/v1/runs", headers={"Origin": APP}), await preflight(serving, APP)):
        assert reply.headers["Access-Control-Allow-Credentials"] == "true"
        assert reply.headers["Access-Control-Allow-Origin"] == APP


async def test_a_preflight_says_what_the_path_takes_and_how_long_that_holds(serving):
    configured(serving, APP, max_age=17)
    lock(serving)  # no browser sends a key along
    for path, methods in (
        ("/api/v1/prompt", "OPTIONS, POST"), ("/api/v1/runs/run_0", "DELETE, GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"), ("//api/v1/prompt/", "OPTIONS, POST"), ("/nothing", "OPTIONS"),
    ):  # fmt: skip
        reply = await preflight(serving, APP, path)
        assert (reply.status, reply.body) == (204, b"")
        assert reply.headers["Access-Control-Allow-Methods"] == reply.headers["Allow"] == methods
        assert reply.headers["Access-Control-Max-Age"] == "17"
        assert reply.headers["Access-Control-Allow-Origin"] == APP
        assert reply.headers["Vary"] == "Origin"


@pytest.mark.parametrize("wanted", [OPENAI, ANTHROPIC, "last-event-id,x-request-id,cache-control"])
async def test_whatever_the_sdks_send_may_be_sent(serving, wanted):
    reply = await preflight(serving, APP, wanted=wanted)
    assert listed(reply, "Access-Control-Allow-Headers") == wanted.split(",")


async def test_of_the_headers_that_are_asked_for_only_those_that_we_know_are_allowed(serving):
    wanted = (
        "X-Api-Key, x-api-key,, cookie, x-stainless-, x-stainless-a b, *, x-forwarded-for, host, authorization\t"
    )
    reply = await preflight(serving, APP, wanted=wanted)
    assert listed(reply, "Access-Control-Allow-Headers") == ["x-api-key", "authorization"]
    for nothing in ("", "cookie", "x" * 5000):
        assert "Access-Control-Allow-Headers" not in (await preflight(serving, APP, wanted=nothing)).headers


async def test_a_page_of_the_net_may_come_to_this_machine_if_it_may_ask_at_all(serving):
    asked = {"Access-Control-Request-Private-Network": "true"}
    allowed = await preflight(serving, APP, **asked)
    assert allowed.headers["Access-Control-Allow-Private-Network"] == "true"
    assert "Access-Control-Allow-Private-Network" not in (await preflight(serving, APP)).headers
    foreign = await preflight(serving, "https://evil.example", **asked)
    assert (foreign.status, about_pages(foreign)) == (403, set())


async def test_a_key_is_asked_of_pages_as_of_everybody(serving):
    lock(serving)
    assert (await serving.prompt(QUICK, headers={"Origin": APP})).status == 401
    assert (await serving.prompt(QUICK, headers={"Origin": APP, **BEARER})).json["output"] == "the d"


async def test_other_origins_hold_from_the_next_request_on(serving):
    configured(serving, "https://other.example")
    assert (await serving.fetch("/health", headers={"Origin": APP})).status == 403
    assert (await serving.fetch("/health", headers={"Origin": "https://other.example"})).status == 200


def test_pages_may_read_every_header_that_we_document():
    read_anyway = {"cache-control", "content-type", "expires", "last-modified", "pragma", "content-length"}
    for_browsers = {"x-content-type-options", "x-accel-buffering"}
    exposed = {name.lower() for name in cors.EXPOSED}
    documented = {name.lower() for name in headers.every()}
    assert documented - read_anyway - for_browsers <= exposed
    assert exposed <= documented | {"allow"}
