"""The whole program on a port with TLS, on a unix socket, and with the limits that its file sets."""

import http.client
import json
import os
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from clinvk.remote.monitor import RemoteMonitor
from tests.certificates import certificate
from tests.e2e.conftest import DEADLINE

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Two certificates with their keys."""
    return [certificate(tmp_path_factory.mktemp(name), "localhost") for name in ("first", "second")]


@pytest.fixture
def installed(pairs, tmp_path):
    """Files of a certificate and a key; and how to put the second pair in their place."""
    files = [tmp_path / "cert.pem", tmp_path / "key.pem"]

    def put(*texts):
        for file, text in zip(files, texts, strict=True):
            file.with_suffix(".new").write_bytes(text)
            file.with_suffix(".new").replace(file)

    contents = [[Path(name).read_bytes() for name in pair] for pair in pairs]
    put(*contents[0])
    return f"server:\n  tls_cert_file: {files[0]}\n  tls_key_file: {files[1]}\n", put, contents


def secure(port, cert, path="/health"):
    """An answer over TLS, if it is from whom `cert` says."""
    context = ssl.create_default_context(cafile=cert)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=DEADLINE, context=context)
    connection.request("GET", path, headers={"Connection": "close"})
    return connection.getresponse()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(self._path)


def by_socket(path, method="GET", target="/health", body=None):
    connection = UnixConnection(path)
    connection.request(method, target, body, {"Connection": "close", "Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


def failing(home, text, code):
    """What a server says that cannot start, and ends with that exit code."""
    file = home / "failing.yaml"
    file.write_text(text)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CLINVK_HOME": str(home / "h")}
    ended = subprocess.run(
        [sys.executable, "-m", "clinvk", "serve", "--port", "0", "--config", str(file)],
        check=False, env=environment, capture_output=True, timeout=DEADLINE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (code, "")
    return ended.stderr


async def test_https_is_announced_a_new_certificate_is_taken_and_a_bad_one_refused(
    configured, installed, pairs, monkeypatch
):
    text, put, contents = installed
    server = configured(text)
    port = server.served.port
    assert json.load(secure(port, pairs[0][0], "/api/v1/status"))["address"] == f"https://127.0.0.1:{port}"

    put(contents[1][0], contents[0][1])
    told = server.reload()
    assert told.startswith("not reloaded, everything stays as it was: the TLS key ")
    assert told.endswith("cert.pem")
    assert secure(port, pairs[0][0]).status == 200

    put(*contents[1])
    assert server.reload().startswith("reloaded ")
    assert secure(port, pairs[1][0]).status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        secure(port, pairs[0][0])

    # The console takes it that the system is told of a private authority, as every program takes it.
    monkeypatch.setenv("SSL_CERT_FILE", pairs[1][0])
    monitor = RemoteMonitor(f"https://localhost:{port}")
    assert (await monitor.status()).address == f"https://127.0.0.1:{port}"
    await monitor.aclose()


def test_what_cannot_be_used_for_tls_is_said_and_nothing_starts(tmp_path, installed):
    text, put, contents = installed
    put(contents[1][0], contents[0][1])
    assert "is not that of the certificate" in failing(tmp_path, text, 3)


def test_a_socket_is_there_for_this_user_alone_and_goes_with_the_server(configured, tmp_path):
    path = tmp_path / "s"
    server = configured(f"server:\n  unix_socket: {path}\n")
    assert stat.filemode(path.stat().st_mode) == "srw-------"
    body = '{"backend":"demo","prompt":"/big 5"}'
    assert by_socket(path, "POST", "/api/v1/prompt", body)["output"] == "the d"
    assert by_socket(path, target="/api/v1/requests")["requests"][1]["client"] == "unix"
    assert f"cannot listen on {path}: another server does" in failing(
        tmp_path, f"server:\n  unix_socket: {path}\n", 1
    )
    assert by_socket(path)["status"] == "ok"
    server.served.end()
    assert not path.exists()


def test_the_socket_of_a_server_that_was_killed_is_replaced(configured, tmp_path):
    path = tmp_path / "s"
    text = f"server:\n  unix_socket: {path}\n"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()
    configured(text)
    assert by_socket(path)["status"] == "ok"


def test_how_often_one_may_ask_is_taken_from_the_file_at_once(configured):
    server = configured("server:\n  rate_limit_enabled: true\n  rate_limit_rps: 0.001\n  rate_limit_burst: 2\n")
    answers = [server.served.call("GET", "/api/v1/runs") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "60"
    assert json.load(answers[2])["type"].endswith("/rate-limited")
    told = server.reload("server:\n  rate_limit_enabled: true\n  rate_limit_rps: 0.001\n  rate_limit_burst: 3\n")
    assert told.endswith(": changed server.rate_limit_burst")
    assert [server.served.call("GET", "/api/v1/runs").status for _ in range(2)] == [200, 429]
