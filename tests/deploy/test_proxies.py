"""What docs/reverse-proxy.md promises of nginx and of Caddy, before a real server."""

import base64
import json
import re
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clinvk.schemas import Schemas
from tests import ndjson
from tests.deploy.conftest import KEY
from tests.deploy.proxies import LOGIN, NAME, Proxy, problem
from tests.e2e.conftest import DEADLINE, Served

SCHEMAS = Schemas()
BEARER = {"Authorization": f"Bearer {KEY}"}
BASIC = {"Authorization": "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()}
SECRET = "do not tell anybody"

pytestmark = [pytest.mark.e2e]


def asked(prompt: str, **fields: Any) -> bytes:
    return json.dumps({"backend": "demo", "prompt": prompt, **fields}).encode()


def told(served: Served, path: str) -> Any:
    """What the server itself says."""
    return json.loads(served.call("GET", path, **BEARER).read())


def ended(served: Served, run_id: str) -> Any:
    """The run, once it has ended."""
    with served.call("GET", f"/api/v1/runs/{run_id}/events", **BEARER, Accept="application/x-ndjson") as events:
        ndjson.until(events, "run.finished")
    return told(served, f"/api/v1/runs/{run_id}")


@contextmanager
def watched(served: Served) -> Iterator[Callable[[], str]]:
    """Waits for the next run that gets a child, from now on; its id."""
    with served.call("GET", "/api/v1/events", **BEARER) as journal:
        lines = (line.removeprefix(b"data: ") for line in journal if line.startswith(b"data: "))
        yield lambda: str(ndjson.until(lines, "run.started")["run_id"])


def test_a_key_opens_it_and_nothing_else_does(proxy: Proxy) -> None:
    refused = proxy.ask("GET", "/api/v1/runs")
    assert (refused.status, refused.headers["WWW-Authenticate"].split()[0]) == (401, "Bearer")
    assert SCHEMAS.checker("domain/problem").faults(problem(refused)) == []
    assert proxy.ask("GET", "/api/v1/runs", headers={"X-Api-Key": "another"}).status == 401
    assert proxy.ask("GET", "/api/v1/runs", headers=BASIC).status == 401
    assert proxy.ask("GET", "/api/v1/runs", headers=BEARER).status == 200
    assert proxy.ask("GET", "/api/v1/runs", headers={"X-Api-Key": KEY}).status == 200


@pytest.mark.parametrize("form", ["application/x-ndjson", "text/event-stream"])
def test_a_stream_arrives_while_it_is_made_and_its_run_ends_with_its_reader(
    proxy: Proxy, served: Served, form: str
) -> None:
    body = asked("/steady 5 60", output_format="stream-json")
    stream = proxy.ask("POST", "/api/v1/prompt", body, {**BEARER, "Accept": form})
    while b"text.delta" not in (line := stream.readline()):
        assert line
    run_id = stream.headers["X-Run-Id"]
    assert told(served, f"/api/v1/runs/{run_id}")["state"] == "running"
    proxy.hang_up()
    run = ended(served, run_id)
    assert (run["state"], run["stop_cause"]) == ("cancelled", "disconnect")


def test_a_client_that_leaves_while_nothing_is_said_stops_its_run(proxy: Proxy, served: Served) -> None:
    connection = proxy.connect()
    with watched(served) as started:
        connection.request(
            "POST", "/api/v1/prompt", asked("/hang"), {**BEARER, "Content-Type": "application/json"}
        )
        run_id = started()
    proxy.hang_up()
    assert ended(served, run_id)["stop_cause"] == "disconnect"


def test_the_client_is_who_it_is_not_who_it_says(proxy: Proxy, served: Served) -> None:
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Real-Ip": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    answer = proxy.ask("GET", "/api/v1/status", None, {**BEARER, **lies}, source="127.0.0.77")
    assert answer.status == 200
    seen = {each["id"]: each["client"] for each in told(served, "/api/v1/requests")["requests"]}
    assert seen[answer.headers["X-Request-Id"]] == "127.0.0.77"


def test_what_clinvk_makes_of_its_own_address_is_the_proxys(proxy: Proxy, served: Served) -> None:
    run = json.loads(proxy.ask("POST", "/api/v1/prompt", asked("hello"), BEARER).read())
    curl = told(served, f"/api/v1/runs/{run['run_id']}")["request_as_curl"]
    assert f"https://{NAME}:{proxy.port}/" in curl


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_that_is_too_large_is_a_problem_that_says_so(proxy: Proxy, chunked: bool) -> None:
    megabyte = b" " * (1 << 20)
    body = (megabyte for _ in range(11)) if chunked else megabyte * 11
    answer = proxy.ask("POST", "/api/v1/prompt", body, BEARER)
    said = problem(answer)
    assert (answer.status, said["type"].rpartition("/")[2]) == (413, "body-too-large")
    assert SCHEMAS.checker("domain/problem").faults(said) == []


def test_a_body_as_large_as_clinvk_takes_passes(proxy: Proxy) -> None:
    body = asked("hello" + " " * (10 << 20))[: 10 << 20]
    answer = proxy.ask("POST", "/api/v1/prompt", body, BEARER)
    assert (answer.status, problem(answer)["type"].rpartition("/")[2]) == (400, "invalid-request")


def test_the_console_works_through_it(login: Proxy) -> None:
    connection = login.connect()
    hello = {
        **BASIC, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Origin": f"https://{NAME}:{login.port}",
    }  # fmt: skip
    connection.request("GET", "/console/socket", headers=hello)
    plain = connection.sock
    assert plain is not None
    lines = plain.makefile("rb")
    assert lines.readline().split()[1] == b"101"
    while lines.readline().strip():
        pass
    plain.sendall(frame(b'{"type":"size","columns":100,"rows":30}'))
    seen = b""
    while b"help" not in seen:
        seen += payload(lines)
    lines.close()


def frame(text: bytes) -> bytes:
    """A masked text frame of a WebSocket, of up to 125 bytes."""
    return bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text


def payload(lines: Any) -> bytes:
    """The next frame's."""
    length = lines.read(2)[1]
    if length > 125:
        length = struct.unpack(*(("!H", lines.read(2)) if length == 126 else ("!Q", lines.read(8))))[0]
    return bytes(lines.read(length))


def test_a_login_at_the_proxy_opens_it_and_a_key_does_not(login: Proxy) -> None:
    refused = login.ask("GET", "/api/v1/runs")
    assert (refused.status, refused.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert SCHEMAS.checker("domain/problem").faults(said := problem(refused)) == []
    assert said["error"]["type"] == "authentication_error"
    assert login.ask("GET", "/api/v1/runs", headers=BEARER).status == 401
    assert login.ask("GET", "/api/v1/runs", headers={"X-Api-Key": KEY}).status == 401
    assert login.ask("GET", "/api/v1/runs", headers=BASIC).status == 200
    body = asked("hello")
    assert login.ask("POST", "/api/v1/prompt", body, {**BASIC, "X-Api-Key": "the visitor's own"}).status == 200


def test_metrics_are_not_for_everybody(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/metrics", headers=BEARER).status == 404


def test_its_log_has_every_request_and_no_key_no_prompt_no_query(
    kind: type[Proxy], served: Served, put_before: Callable[..., Proxy]
) -> None:
    proxy = put_before(kind, f"127.0.0.1:{served.port}")
    headers = {**BEARER, "X-Api-Key": KEY, "X-Request-Id": "made-by-the-client"}
    answer = proxy.ask("POST", f"/api/v1/prompt?word={SECRET.split(maxsplit=1)[0]}-query", asked(SECRET), headers)
    assert answer.status == 200
    answer.read()
    run_id = answer.headers["X-Run-Id"]
    proxy.end()  # the log is whole
    log = proxy.log.read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert any(run_id in line and "made-by-the-client" in line for line in log.splitlines())
    assert all(isinstance(line["status"], int) for line in lines)
    assert not re.findall(f"{KEY}|{SECRET}|do-query|authorization|bearer", log, re.IGNORECASE)


@pytest.fixture
def stand_in() -> Iterator[tuple[str, list[bytes]]]:
    """Where a server is that answers one request of a connection and dies of the next; and what it was asked."""
    requests: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b""):
                    asked = connection.recv(1 << 16)
                    if not asked:
                        break
                    requests.append(asked)
                    connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}", requests
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(DEADLINE)


def test_one_prompt_is_never_sent_twice(
    kind: type[Proxy], put_before: Callable[..., Proxy], stand_in: tuple[str, list[bytes]]
) -> None:
    upstream, requests = stand_in
    proxy = put_before(kind, upstream)
    connection = proxy.connect()
    connection.request("GET", "/health")
    assert proxy.answer(connection).read() == b"ok"
    connection.request("POST", "/api/v1/prompt", asked("hello"), {"Content-Type": "application/json"})
    answer = proxy.answer(connection)
    assert (answer.status, answer.headers["x-should-retry"]) == (502, "false")
    assert SCHEMAS.checker("domain/problem").faults(problem(answer)) == []
    proxy.end()  # it sends nothing any more
    assert [each.split()[0] for each in requests] == [b"GET", b"POST"]


def test_the_password_of_a_login_stays_with_the_proxy(
    kind: type[Proxy], put_before: Callable[..., Proxy], stand_in: tuple[str, list[bytes]]
) -> None:
    upstream, requests = stand_in
    proxy = put_before(kind, upstream, key=KEY)
    assert proxy.ask("GET", "/health", headers={**BASIC, "X-Api-Key": "the visitor's own"}).read() == b"ok"
    proxy.end()
    (head,) = requests
    assert b"authorization" not in head.lower()
    assert re.findall(rb"(?i)x-api-key: (.*)\r", head) == [KEY.encode()]


def test_a_client_may_speak_http_2(proxy: Proxy, tmp_path: Any) -> None:
    curl = shutil.which("curl")
    if curl is None or b"HTTP2" not in subprocess.run([curl, "-V"], capture_output=True, check=True).stdout:
        pytest.skip("curl is not installed, or does not speak HTTP/2")
    file = tmp_path / "body.json"
    file.write_bytes(asked("hello", output_format="stream-json"))
    command = (
        curl, "--silent", "--http2", "--cacert", proxy.cert,
        "--connect-to", f"{NAME}:443:{proxy.address}:{proxy.port}",
        f"https://{NAME}/api/v1/prompt", "-H", f"X-Api-Key: {KEY}", "-H", "Content-Type: application/json",
        "--data-binary", f"@{file}", "--write-out", "%{http_version}",
    )  # fmt: skip
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert json.loads(lines[0])["type"] == "run.queued"
    assert json.loads(lines[-2])["type"] == "run.finished"
    assert lines[-1] == "2"
