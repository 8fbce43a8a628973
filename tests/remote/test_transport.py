"""The way to a server: connections that are kept, TLS, and what the environment has no say in."""

import asyncio
import gc
import logging
import os
import shutil
import ssl
import subprocess
import warnings
from contextlib import aclosing

import pytest

from clinvk.monitor import Unreachable
from clinvk.remote import RemoteMonitor
from tests.remote.relay import Scripted, document

KEY = "dummy-key-31337"
PAGE = document(200, b'{"requests":[]}')


async def page(writer):
    """No request was ever made of it."""
    writer.write(PAGE)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that nobody but itself vouches for, with its key in the same file."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    name = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), *name, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True
    )
    path.write_bytes(path.read_bytes() + path.with_suffix(".pem.crt").read_bytes())
    return path


@pytest.fixture
def tls(certificate):
    """What a server needs to speak TLS."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    return tls


@pytest.fixture
async def secure(scripted, tls):
    """A server that speaks TLS."""
    return await scripted(page, tls)


async def test_requests_one_after_the_other_share_a_connection(relay, monitor):
    for _ in range(5):
        await monitor.status()
    assert relay.opened == 1


async def test_a_server_that_has_closed_a_kept_connection_is_connected_to_again(relay, monitor):
    await monitor.status()
    relay.cut()
    await relay.until(lambda: relay.open == 0)
    await monitor.status()
    assert relay.opened == 2


async def test_a_problem_leaves_the_connection_to_the_next_request(relay, monitor):
    for _ in range(3):
        with pytest.raises(Exception, match="run_9"):
            await monitor.run("run_9")
    assert relay.opened == 1


async def test_who_closes_a_monitor_closes_its_connections(relay, monitor):
    await asyncio.gather(*(monitor.status() for _ in range(3)))
    await monitor.aclose()
    await relay.until(lambda: relay.open == 0)


async def test_what_is_asked_for_and_in_whose_name(scripted, connect):
    server = await scripted(page)
    await connect(f"{server.url}/ai", KEY).requests(1)
    head = server.heads[0]
    assert head.startswith("GET /ai/api/v1/requests?limit=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head
    assert "User-Agent: clinvk/" in head
    assert f"Authorization: Bearer {KEY}\r\n" in head


async def test_neither_proxies_nor_passwords_come_from_the_environment(scripted, connect, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password dummy-password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server = await scripted(page)
    await connect(server.url).requests(1)
    assert "Authorization" not in server.heads[0]


async def test_requests_are_not_logged(scripted, connect, caplog):
    caplog.set_level(logging.DEBUG)
    server = await scripted(page)
    await connect(server.url, KEY).requests(1)
    assert [record.name for record in caplog.records if record.name.startswith("http")] == []
    assert KEY not in caplog.text


async def test_a_certificate_that_is_trusted(secure, certificate, connect, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    assert await connect(secure.url, KEY).requests(1) == ()


async def test_a_certificate_that_is_not_trusted(secure, connect):
    with pytest.raises(Unreachable, match=r"is not trusted: self-signed certificate \(SSL_CERT_FILE can name"):
        await connect(secure.url, KEY).requests(1)
    assert secure.heads == []


async def test_a_certificate_of_another_name(secure, certificate, connect, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    with pytest.raises(Unreachable, match=r"is not trusted: .*localhost"):
        await connect(secure.url.replace("127.0.0.1", "localhost")).requests(1)


async def test_tls_that_turns_into_something_else(scripted, tls, certificate, connect, monkeypatch):
    async def garble(writer):
        os.write(writer.get_extra_info("socket").fileno(), b"HTTP/1.1 200 OK\r\n\r\n")

    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    server = await scripted(garble, tls)
    with pytest.raises(Unreachable, match="does not speak TLS as we do"):
        await connect(server.url).requests(1)


@pytest.mark.parametrize("waiting", [True, False], ids=["waits for more", "does something else"])
def test_a_program_that_ends_in_the_middle_of_streams_leaves_nothing_behind(waiting):
    """Its own loop: what is said at the end of one is said to nobody else."""

    async def some(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b'{"type":"text.delta","seq":0}\n' * (1 if waiting else 100_000))
        await asyncio.get_running_loop().create_future()

    async def read(stream, begun):
        async with aclosing(stream) as batches:
            async for _ in batches:
                begun.release()
                if not waiting:
                    await asyncio.get_running_loop().create_future()

    async def program():
        server = await Scripted(some).listen()
        begun = asyncio.Semaphore(0)
        async with aclosing(RemoteMonitor(server.url)) as monitor:
            readers = [asyncio.ensure_future(read(monitor.run_events("run_1"), begun)) for _ in range(3)]
            for _ in readers:
                await begun.acquire()
        await server.close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()  # what was left before is not of this program
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(program())
        gc.collect()
    assert [str(each.message) for each in told] == []
