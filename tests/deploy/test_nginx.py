"""What is nginx's alone: its rate limit, and who its workers are."""

import http.client
import json
import os
import pwd
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from clinvk.schemas import Schemas
from tests.deploy.conftest import KEY
from tests.deploy.proxies import NAME, Nginx, Proxy, problem
from tests.e2e.conftest import Served

SCHEMAS = Schemas()
OTHER = "www-data"
"""Who nginx's workers are, on Debian."""

pytestmark = [pytest.mark.e2e]


def limited(proxy: Proxy, headers: Mapping[str, str]) -> tuple[int, http.client.HTTPResponse]:
    """How many requests it takes to be refused, and the answer to the last."""
    connection = proxy.connect()
    for count in range(1, 500):
        connection.request("GET", "/health", headers=headers)
        answer = proxy.answer(connection)
        if answer.status == 429:
            return count, answer
        answer.read()
    raise AssertionError("there is no limit")


def test_who_asks_too_often_is_told_so_in_a_form_that_sdks_read(
    served: Served, put_before: Callable[..., Proxy]
) -> None:
    proxy = put_before(Nginx, f"127.0.0.1:{served.port}")
    for headers, place in (({}, "type"), ({"anthropic-version": "2023-06-01"}, "problem_type")):
        count, answer = limited(proxy, headers)
        assert count > 40 or headers, "a page is many requests"
        said = problem(answer)
        assert SCHEMAS.checker("domain/problem").faults(said) == []
        assert said[place] == "https://api.clinvk.dev/errors/rate-limited"
        assert (said["error"]["type"], said["type"] == "error") == ("rate_limit_error", bool(headers))
        assert (answer.headers["Retry-After"], answer.headers["X-Request-Id"]) == ("1", said["request_id"])
    assert proxy.ask("GET", "/health", source="127.0.0.5").status == 200, "each address has its own"


@pytest.fixture(scope="module")
def unreachable(put_before: Callable[..., Proxy]) -> Proxy:
    """Before nobody."""
    return put_before(Nginx, "127.0.0.1:1")


@pytest.mark.parametrize("sent", ['x","error":"', "x" * 200])
def test_what_a_client_calls_its_request_cannot_forge_a_problem(unreachable: Proxy, sent: str) -> None:
    answer = unreachable.ask("GET", "/health", headers={"X-Request-Id": sent})
    said = problem(answer)
    assert (answer.status, len(said["request_id"])) == (502, 32)


@pytest.fixture
def other() -> Iterator[str]:
    """Another user than the server's."""
    if os.geteuid() != 0:
        pytest.skip("only root can have nginx's workers be another user")
    try:
        pwd.getpwnam(OTHER)
    except KeyError:
        pytest.skip(f"there is no user {OTHER}")
    return OTHER


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[Path]:
    """A folder that everybody may look into, as pytest's own are not: a socket in it guards itself."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory, open_to_all: Path) -> Iterator[tuple[Served, Path]]:
    """A server without keys that listens on a socket as well."""
    home, socket = tmp_path_factory.mktemp("served"), open_to_all / "socket"
    (home / "clinvk").mkdir(mode=0o700)
    server = {"allowed_hosts": [NAME], "trusted_proxies": ["unix"], "unix_socket": str(socket)}
    (home / "clinvk" / "config.yaml").write_text(json.dumps({"server": server}))
    running = Served(home)
    yield running, socket
    running.end()


def test_workers_of_the_servers_user_may_use_its_socket(
    keyless: tuple[Served, Path], put_before: Callable[..., Proxy]
) -> None:
    served, socket = keyless
    proxy = put_before(Nginx, f"unix:{socket}")
    answer = proxy.ask("GET", "/api/v1/status", source="127.0.0.78")
    assert answer.status == 200
    requests = json.loads(served.call("GET", "/api/v1/requests").read())["requests"]
    seen = {each["id"]: each["client"] for each in requests}
    assert seen[answer.headers["X-Request-Id"]] == "127.0.0.78"


def test_workers_of_another_user_get_in_by_no_way_without_keys(
    other: str, keyless: tuple[Served, Path], put_before: Callable[..., Proxy]
) -> None:
    served, socket = keyless
    by_socket = put_before(Nginx, f"unix:{socket}", user=other)
    assert by_socket.ask("GET", "/api/v1/status").status == 502
    by_socket.end()
    assert "Permission denied" in by_socket.said
    by_loopback = put_before(Nginx, f"127.0.0.1:{served.port}", user=other)
    assert by_loopback.ask("GET", "/api/v1/status").status == 403


def test_workers_of_another_user_get_in_by_loopback_with_a_key(
    other: str, served: Served, put_before: Callable[..., Proxy]
) -> None:
    proxy = put_before(Nginx, f"127.0.0.1:{served.port}", user=other)
    assert proxy.ask("GET", "/api/v1/status").status == 401
    assert proxy.ask("GET", "/api/v1/status", headers={"X-Api-Key": KEY}).status == 200
