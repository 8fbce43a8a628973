"""A server behind a proxy."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.deploy.proxies import NAME, Caddy, Nginx, Proxy
from tests.e2e.conftest import Served

KEY = "a-key-that-only-these-tests-know-0123456789"
CONFIG = f"""
server:
  allowed_hosts: [{NAME}]
  trusted_proxies: [127.0.0.1]
  console_enabled: true
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """clinvk as docs/reverse-proxy.md has it behind a proxy: with keys, and a name that it answers to."""
    home = tmp_path_factory.mktemp("served")
    (home / "clinvk").mkdir(mode=0o700)
    (home / "clinvk" / "config.yaml").write_text(CONFIG)
    server = Served(home, more={"CLINVK_API_KEYS": KEY})
    yield server
    server.end()


@pytest.fixture(scope="module")
def proxies() -> Iterator[list[Proxy]]:
    """Those that run; each is ended after the last test of the module."""
    running: list[Proxy] = []
    yield running
    with ExitStack() as stack:  # all of them, even if one complains
        for proxy in running:
            stack.callback(proxy.end)


@pytest.fixture(autouse=True)
def nobody_stays(proxies: list[Proxy]) -> Iterator[None]:
    """A test's connections end with it."""
    yield
    for proxy in proxies:
        proxy.hang_up()


@pytest.fixture(scope="module")
def put_before(tmp_path_factory: pytest.TempPathFactory, proxies: list[Proxy]) -> Callable[..., Proxy]:
    """Starts a proxy."""

    def start(kind: type[Proxy], upstream: str, **how: str) -> Proxy:
        proxies.append(kind(tmp_path_factory.mktemp(kind.__name__), upstream, **how))
        return proxies[-1]

    return start


@pytest.fixture(scope="module", params=[Nginx, Caddy], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[Proxy]:
    return request.param


@pytest.fixture(scope="module")
def proxy(kind: type[Proxy], served: Served, put_before: Callable[..., Proxy]) -> Proxy:
    """Lets keys pass to clinvk."""
    return put_before(kind, f"127.0.0.1:{served.port}")


@pytest.fixture(scope="module")
def login(kind: type[Proxy], served: Served, put_before: Callable[..., Proxy]) -> Proxy:
    """Asks for a login, and has clinvk's key."""
    return put_before(kind, f"127.0.0.1:{served.port}", key=KEY)
