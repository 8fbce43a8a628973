"""Answers as they come, and what is said of those that are none of ours."""

import asyncio
import json
import socket
import traceback
from functools import partial

import pytest

from clinvk.domain.errors import (
    BackendNotFound,
    ClinvkError,
    InvalidInput,
    RunNotFound,
    SessionAmbiguous,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    StoreUnavailable,
)
from clinvk.domain.paging import RunQuery
from clinvk.monitor import Refused, Unreachable
from clinvk.remote import http, monitor
from clinvk.remote.client import Request
from tests.api.client import DEADLINE
from tests.remote.relay import document, says

KEY = "dummy-key-31337"
PAGE = json.dumps(
    {"runs": [], "total": 0, "limit": 50, "offset": 0, "next_cursor": "c", "newer": {"a": 1}}
).encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def refused(scripted, connect):
    """What a monitor raises when its server says `data`."""

    async def told(data, call=lambda it: it.run("run_1"), key=None):
        server = await scripted(says(data))
        with pytest.raises(ClinvkError) as told:
            await call(connect(server.url, key))
        return told.value

    return told


@pytest.fixture
def impatient(monkeypatch):
    """Who asks for something waits a moment only."""
    monkeypatch.setattr(monitor, "Request", partial(Request, patience=0.2))


def problem(slug, status, detail="Not so", **more):
    body = {
        "type": f"https://api.clinvk.dev/errors/{slug}",
        "title": "No",
        "status": status,
        "detail": detail,
        **more,
    }
    return document(status, json.dumps(body).encode(), "application/problem+json")


class TestFraming:
    """However its length is told, a body is whole or it is none."""

    @pytest.mark.parametrize(
        "data",
        [
            HEAD + b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE,
            HEAD + b"\r\n" + PAGE,
            HEAD + CHUNKED + b"5;x=y\r\n" + PAGE[:5] + b"\r\n%X\r\n" % len(PAGE[5:]) + PAGE[5:] + b"\r\n0\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE,
            b"HTTP/1.0 200 OK\r\n\r\n" + PAGE,
        ],
        ids=["length", "to the end", "chunks", "after an interim answer", "of an old proxy"],
    )  # fmt: skip
    async def test_a_page_in_every_framing(self, scripted, connect, data):
        server = await scripted(says(data))
        page = await connect(server.url).runs(RunQuery())
        assert (page.runs, page.total, page.limit, page.next_cursor) == ((), 0, 50, "c")

    @pytest.mark.parametrize(
        "data",
        [
            HEAD + b"Content-Length: %d\r\n\r\n" % (len(PAGE) + 1) + PAGE,
            HEAD + CHUNKED + b"%x\r\n" % (len(PAGE) + 1) + PAGE,
            HEAD + CHUNKED + b"%x\r\n" % len(PAGE) + PAGE + b"\r\n",
            HEAD,
            b"",
        ],
        ids=["length", "a chunk", "no last chunk", "half a head", "nothing"],
    )  # fmt: skip
    async def test_what_breaks_off_is_no_answer(self, refused, data):
        told = await refused(data)
        assert isinstance(told, Unreachable)
        assert str(told).endswith("broke the connection off")

    @pytest.mark.parametrize(
        "data",
        [
            b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            HEAD + b"Content-Length: many\r\n\r\n",
            HEAD + CHUNKED + b"-5\r\nabcde\r\n",
            HEAD + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
        ],
        ids=["ssh", "http2", "length", "chunk", "endless head"],
    )
    async def test_what_is_no_http_is_said_to_be_none(self, refused, data):
        told = await refused(data)
        assert isinstance(told, Unreachable)
        assert "does not answer in HTTP/1.1" in str(told)

    async def test_an_answer_beyond_the_ceiling_is_not_read_on(self, refused, monkeypatch):
        monkeypatch.setattr(http, "CEILING", 1000)
        told = await refused(HEAD + b"\r\n" + PAGE * 100)
        assert isinstance(told, Unreachable)
        assert str(told).endswith("/api/v1/runs/run_1 answers is longer than 1000 bytes")

    async def test_a_request_without_a_body_says_so(self, scripted, connect):
        server = await scripted(says(problem("not-found", 404)))
        with pytest.raises(RunNotFound):
            await connect(server.url).rerun("run_1")
        assert "POST /api/v1/runs/run_1/rerun HTTP/1.1" in server.heads[0]
        assert "Content-Length: 0" in server.heads[0]

    async def test_ids_are_one_step_of_a_path(self, scripted, connect):
        server = await scripted(says(problem("not-found", 404)))
        with pytest.raises(SessionNotFound, match="'a/b'"):
            await connect(server.url + "/ai").session("a/b?c"[:3])
        assert "GET /ai/api/v1/sessions/a%2Fb HTTP/1.1" in server.heads[0]


class TestTrouble:
    """A sentence that names its cure, and never the key."""

    @pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2"]], ids=["one", "two"])
    async def test_nobody_listens(self, connect, monkeypatch, addresses):
        def resolved(host, port, *_, **__):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://localhost:{free.getsockname()[1]}"
            with pytest.raises(Unreachable) as told:
                await connect(url, KEY).status()
        assert str(told.value) == f"{url} refused the connection: is `clinvk serve` running there?"
        assert KEY not in "".join(traceback.format_exception(told.value))

    async def test_a_name_that_is_none(self, connect):
        with pytest.raises(Unreachable, match=r"^http://no\.such\.host\.invalid cannot be reached: "):
            await connect("http://no.such.host.invalid").status()

    @pytest.mark.usefixtures("impatient")
    @pytest.mark.parametrize("half", [b"", HEAD + b"Content-Length: 10\r\n\r\n12345"], ids=["nothing", "half"])
    async def test_a_server_that_says_no_more(self, scripted, connect, half):
        async def stalled(writer):
            writer.write(half)
            await asyncio.get_running_loop().create_future()

        server = await scripted(stalled)
        async with asyncio.timeout(DEADLINE):
            with pytest.raises(Unreachable, match=r"said nothing for 0\.2 seconds$"):
                await connect(server.url).run("run_1")

    async def test_a_server_that_cannot_be_connected_to(self, connect, monkeypatch):
        monkeypatch.setattr(http, "_CONNECT_SECS", 0.2)
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            port = full.getsockname()[1]
            with socket.socket() as one, socket.socket() as other:  # its queue has no place left
                for each in (one, other):
                    each.setblocking(False)
                    each.connect_ex(("127.0.0.1", port))
                async with asyncio.timeout(DEADLINE):
                    with pytest.raises(Unreachable, match=r"no connection in 0\.2 seconds"):
                        await connect(f"http://127.0.0.1:{port}").status()

    async def test_tls_where_there_is_none(self, scripted, connect):
        server = await scripted(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        server.listens = False
        with pytest.raises(Unreachable, match="is it http://"):
            await connect(server.url.replace("http", "https"), KEY).status()

    async def test_a_server_that_wants_a_key(self, refused):
        told = await refused(problem("unauthorized", 401))
        assert isinstance(told, Unreachable)
        assert str(told).endswith("asks for an API key: name the variable that holds it with --api-key-env")

    async def test_a_server_that_wants_another_key(self, refused):
        told = await refused(problem("unauthorized", 401, f"{KEY} is none"), key=KEY)
        assert isinstance(told, Unreachable)
        assert str(told).endswith("refuses the API key: --api-key-env names the variable that holds it")

    @pytest.mark.parametrize("status", [403, 404, 502])
    @pytest.mark.parametrize("body", [b"<html>nginx</html>", b'{"type":"\xff"}'])
    async def test_a_page_of_somebody_else(self, refused, status, body):
        told = await refused(document(status, body, "text/html"))
        assert isinstance(told, Unreachable)
        assert f"answered {status}, and not as clinvk does" in str(told)

    @pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"{}", b"[]", b'{"id":1}', b'{"id":"\xff"}', b""])
    async def test_a_success_of_somebody_else(self, refused, body):
        told = await refused(document(200, body, "text/html"))
        assert isinstance(told, Unreachable)
        assert "does not answer as this version of clinvk does" in str(told)

    async def test_a_redirection(self, refused):
        told = await refused(document(301, b"", "text/html", "Location: https://build.example/"))
        assert isinstance(told, Unreachable)
        assert "sends us to https://build.example/" in str(told)


SESSION = "ses_1"


@pytest.mark.parametrize(
    ("answer", "call", "error"),
    [
        (problem("not-found", 404), lambda it: it.run("run_1"), RunNotFound("run_1")),
        (problem("not-found", 404), lambda it: it.inspect("run_1"), RunNotFound("run_1")),
        (problem("not-found", 404), lambda it: it.delete_session(SESSION), SessionNotFound(SESSION)),
        (problem("session-busy", 409), lambda it: it.delete_session(SESSION), SessionBusy(SESSION)),
        (problem("session-ambiguous", 400), lambda it: it.session("s"), SessionAmbiguous("s")),
        (problem("shutting-down", 503), lambda it: it.rerun("run_1"), ShuttingDown()),
        (problem("forbidden", 403), lambda it: it.run("run_1"), Refused("Not so")),
        (problem("overloaded", 429), lambda it: it.rerun("run_1"), Refused("Not so")),
        (problem("never-heard-of", 418), lambda it: it.rerun("run_1"), Refused("Not so")),
        (problem("internal", 500), lambda it: it.status(), Refused("Not so")),
        (
            problem("store-unavailable", 503, str(StoreUnavailable("the disk is full"))),
            lambda it: it.session("s"), StoreUnavailable("the disk is full"),
        ),
        (
            problem("backend-not-found", 400, str(BackendNotFound("codex", "it is not installed"))),
            lambda it: it.rerun("run_1", "codex"), BackendNotFound("codex", "it is not installed"),
        ),
        (
            problem("backend-not-found", 400, str(BackendNotFound("codex"))),
            lambda it: it.rerun("run_1", "codex"), BackendNotFound("codex"),
        ),
    ],
)  # fmt: skip
async def test_a_problem_is_what_the_same_call_raises_in_the_servers_process(refused, answer, call, error):
    told = await refused(answer, call)
    assert (type(told), str(told)) == (type(error), str(error))


async def test_every_fault_of_an_input_is_told(refused):
    faults = [{"path": "/prompt", "message": "was not kept", "expected": "a run whose request is kept"}]
    told = await refused(problem("invalid-request", 400, errors=faults), lambda it: it.rerun("run_1"))
    assert isinstance(told, InvalidInput)
    assert [vars_of(fault) for fault in told.faults] == faults


def vars_of(fault):
    return {"path": fault.path, "message": fault.message, "expected": fault.expected}


async def test_the_key_is_sent_and_told_nowhere(scripted, connect):
    server = await scripted(says(problem("internal", 500)))
    with pytest.raises(Refused) as told:
        await connect(server.url, KEY).status()
    assert f"Authorization: Bearer {KEY}\r\n" in server.heads[0]
    assert KEY not in repr(told.value) + repr(told.value.__cause__)
