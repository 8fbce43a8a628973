"""HTTPS: what holds in the clear holds there too; and certificates that cannot be used."""

import asyncio
import contextlib
import ssl

import pytest
from tornado.httpclient import AsyncHTTPClient

from clinvk import tls
from clinvk.api import presence
from clinvk.api.connections import Phase
from clinvk.api.services import Bounds
from clinvk.domain.run import StopCause
from tests.api.client import DEADLINE, Connection, Stream
from tests.certificates import certificate, encrypted

ASK = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate for localhost and its key."""
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("other"), "localhost")


@pytest.fixture
def new_secure(new_server, pair):
    """Servers that speak TLS."""

    async def make(bounds=None):
        server = await new_server(bounds)
        server.services.tls = tls.context(*pair)
        return server

    return make


@contextlib.asynccontextmanager
async def connected(server, cert_file, **options):
    context = ssl.create_default_context(cafile=cert_file)
    for name, value in options.items():
        setattr(context, name, value)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, ssl=context, server_hostname="localhost", limit=1 << 24
    )
    connection = Connection(reader, writer)
    try:
        yield connection
    finally:
        await connection.leave(abruptly=True)


def serial(connection):
    return connection.writer.get_extra_info("peercert")["serialNumber"]


async def prompting(connection, prompt):
    body = b'{"backend":"demo","prompt":"%s","output_format":"stream-json"}' % prompt.encode()
    head = b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    await connection.send(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert await connection.head() == 200
    return Stream(connection)


async def test_a_prompt_is_answered_and_its_record_knows_the_scheme(new_secure, pair):
    server = await new_secure()
    client = AsyncHTTPClient(force_instance=True)
    answer = await client.fetch(
        f"https://localhost:{server.port}/api/v1/prompt", method="POST", ca_certs=pair[0],
        headers={"Content-Type": "application/json"}, body='{"backend":"demo","prompt":"/big 5"}',
    )  # fmt: skip
    client.close()
    assert b"the d" in answer.body
    assert server.newest().run.spec.origin.base_url == f"https://localhost:{server.port}"


async def test_a_stream_comes_bit_by_bit_and_an_answer_of_megabytes_whole(new_secure, pair):
    server = await new_secure()
    async with connected(server, pair[0]) as connection:
        stream = await prompting(connection, "/big 3m")
        assert len(await stream.rest()) > 3
        await connection.send(ASK)
        assert (await connection.reply()).status == 200


@pytest.mark.parametrize("how", ["by a goodbye", "abruptly", "with a request unread"])
async def test_a_client_that_leaves_stops_its_run(new_secure, pair, how):
    server = await new_secure()
    async with connected(server, pair[0]) as connection:
        stream = await prompting(connection, "/hang")
        await stream.until("session.bound")  # nothing is on its way any more
        if how == "with a request unread":
            await connection.send(ASK * 3)
        if how == "abruptly":
            connection.writer.transport.abort()
        connection.writer.close()
        view = await server.end(stream.run_id)
    assert view.stop_cause is StopCause.DISCONNECT


async def test_a_client_that_stays_is_not_taken_for_one_that_left_whatever_it_sends(new_secure, pair):
    server = await new_secure()
    async with connected(server, pair[0]) as connection:
        await prompting(connection, "/hang")
        await connection.send(ASK)
        (known,) = server.http.connections._in[Phase.ANSWER]
        assert not presence.has_left(known.stream.socket)


async def test_a_handshake_that_stalls_or_dribbles_is_cut_off(new_secure):
    server = await new_secure(Bounds(read_secs=0.2))
    silent = await server.connect()
    slow = await server.connect()
    slow.writer.write(b"\x16\x03\x01\x40\x00\x01")  # the beginning of a long first word
    told = asyncio.ensure_future(slow.closed())
    async with asyncio.timeout(DEADLINE):
        while not told.done():
            slow.writer.write(b"\0")
            await asyncio.wait({told}, timeout=0.02)
    assert await silent.closed() == b""


async def test_a_head_that_stalls_is_408(new_secure, pair):
    server = await new_secure()
    async with connected(server, pair[0]) as connection:
        server.services.bounds = Bounds(read_secs=0.3)
        await connection.send(ASK[:9])
        assert (await connection.reply()).status == 408


async def test_a_silent_connection_is_idle_once_it_is_secure(new_secure, pair):
    server = await new_secure(Bounds(read_secs=1000.0, idle_secs=0.2))
    async with connected(server, pair[0]) as connection:
        assert await connection.closed() == b""


async def test_who_waits_in_the_handshake_makes_room_for_others(new_secure, pair):
    server = await new_secure(Bounds(max_connections=5))
    for _ in range(20):
        await server.connect()
    async with asyncio.timeout(DEADLINE):
        while True:
            async with connected(server, pair[0]) as connection:
                await connection.send(ASK)
                if (await connection.reply()).status == 200:
                    return


async def test_there_is_no_room_over_tls_either(new_secure, pair, monkeypatch):
    monkeypatch.setattr("clinvk.api.connections._REFUSAL_SECS", 2 * DEADLINE)
    server = await new_secure(Bounds(max_connections=1))
    async with connected(server, pair[0]) as first:
        await prompting(first, "/hang")  # who asks for nothing makes room before long
        async with connected(server, pair[0]) as second:
            await second.send(ASK)
            assert (await second.reply()).status == 503
        await first.leave()


async def test_whoever_speaks_in_the_clear_is_cut_off(new_secure):
    server = await new_secure()
    connection = await server.raw("GET", "/health")
    assert b"HTTP/1.1 200" not in await connection.closed()
    await server.log.first("tornado.general")


async def test_nothing_older_than_tls_1_2_is_spoken(new_secure, pair):
    server = await new_secure()
    assert server.services.tls.minimum_version is ssl.TLSVersion.TLSv1_2
    async with connected(server, pair[0], maximum_version=ssl.TLSVersion.TLSv1_2) as connection:
        await connection.send(ASK)
        assert (await connection.reply()).status == 200


async def test_a_new_certificate_is_shown_to_who_comes_next_and_streams_go_on(new_secure, pair, other):
    server = await new_secure()
    async with connected(server, pair[0]) as before:
        stream = await prompting(before, "/steady 4 60")
        await stream.until("text.delta")
        server.services.tls = tls.context(*other)
        async with connected(server, other[0]) as after:
            assert serial(after) != serial(before)
        await stream.until("text.delta")
        with pytest.raises(ssl.SSLCertVerificationError):
            async with connected(server, pair[0]):
                pass
        await stream.leave()


# What cannot be used


def test_without_certificate_and_key_there_is_no_tls():
    assert tls.context("", "") is None


@pytest.mark.parametrize(("given", "missing"), [("cert", "key"), ("key", "cert")])
def test_one_of_both_alone_is_refused(pair, given, missing):
    files = (pair[0], "") if given == "cert" else ("", pair[1])
    with pytest.raises(tls.NoTls, match=f"^server.tls_{given}_file needs server.tls_{missing}_file beside it$"):
        tls.context(*files)


def test_a_key_of_another_certificate_is_refused(pair, other):
    with pytest.raises(tls.NoTls, match=f"^the TLS key {other[1]} is not that of the certificate {pair[0]}$"):
        tls.context(pair[0], other[1])


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(pair, tmp_path):
    with pytest.raises(tls.NoTls, match=r"is encrypted: nobody is there to type its password$"):
        tls.context(pair[0], encrypted(pair[1], tmp_path))


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_is_not_there_is_named(pair, which):
    files = list(pair)
    files[which] = "/nowhere/x.pem"
    with pytest.raises(tls.NoTls, match=r"/nowhere/x\.pem cannot be read: No such file or directory$"):
        tls.context(*files)


@pytest.mark.parametrize(("which", "label"), [(0, "CERTIFICATE"), (1, "PRIVATE KEY")])
def test_a_file_of_something_else_is_named(pair, tmp_path, which, label):
    files = list(pair)
    files[which] = str(tmp_path / "x.pem")
    (tmp_path / "x.pem").write_text("hello")
    with pytest.raises(tls.NoTls, match=f"x.pem is not one in PEM: it holds no {label}$"):
        tls.context(*files)


def test_a_certificate_that_is_broken_is_named(pair, tmp_path):
    broken = tmp_path / "x.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n")
    with pytest.raises(tls.NoTls, match=r"x\.pem and key .* cannot be used: "):
        tls.context(str(broken), pair[1])
