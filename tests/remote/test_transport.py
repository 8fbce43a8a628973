"""The way to a server: connections that are kept, TLS, and what the environment has no say in."""

import asyncio
import gc
import logging
import shutil
import ssl
import subprocess
import warnings

import pytest

from clinvk.monitor import Unreachable
from clinvk.remote import RemoteMonitor
from tests.remote.relay import document

KEY = "dummy-key-31337"
PAGE = document(200, b'{"requests":[]}')


async def keeps(writer, reader=None):
    """Answers every request of a connection."""
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
async def secure(certificate, scripted):
    """A server that speaks TLS."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    return await scripted(keeps, tls)


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
    server = await scripted(keeps)
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
    server = await scripted(keeps)
    await connect(server.url).requests(1)
    assert "Authorization" not in server.heads[0]


async def test_requests_are_not_logged(scripted, connect, caplog):
    caplog.set_level(logging.DEBUG)
    server = await scripted(keeps)
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
    with pytest.raises(Unreachable, match="is not trusted: .*localhost"):
        await connect(secure.url.replace("127.0.0.1", "localhost")).requests(1)


def test_who_is_left_in_the_middle_of_a_stream_leaves_nothing_behind(unused_tcp_port):
    """One loop that ends as that of a program does: with streams that nobody has closed."""

    async def flood(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b'{"type":"text.delta","seq":0}\n' * 100_000)

    async def program():
        server = await asyncio.start_server(flood, "127.0.0.1", unused_tcp_port)
        monitor = RemoteMonitor(f"http://127.0.0.1:{unused_tcp_port}")
        streams = [monitor.run_events("run_1") for _ in range(3)]
        for stream in streams:
            assert await anext(stream)
        await monitor.aclose()
        server.close()

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(program())
        gc.collect()
    assert [str(each.message) for each in told] == []
