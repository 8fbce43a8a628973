"""The examples as they are shipped: what they must hold, whoever runs them."""

import re
import subprocess
from pathlib import Path

import pytest

from clinvk import settings
from clinvk.schemas import Schemas
from tests.deploy.proxies import DEPLOY, needs

NGINX = (DEPLOY / "nginx" / "clinvk.conf").read_text()
CADDY = (DEPLOY / "caddy" / "Caddyfile").read_text()
KEEPALIVE_SECS = 15


def directive(name: str) -> str:
    """What the directive of nginx.conf says; it stands there once."""
    (value,) = re.findall(rf"^ +{name} ([^;]+);", NGINX, re.MULTILINE)
    return str(value)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> settings.ServerSettings:
    """The defaults."""
    return settings.load(Schemas(), tmp_path_factory.mktemp("home"), None, {}, {}).server


def test_nginx_waits_longer_than_clinvk_does(server: settings.ServerSettings) -> None:
    patience = float(directive("proxy_read_timeout").removesuffix("s"))
    assert patience > max(server.request_timeout_secs, KEEPALIVE_SECS)
    assert float(directive("keepalive_timeout").removesuffix("s")) < server.idle_timeout_secs
    assert directive("client_max_body_size") == f"{server.max_request_body_bytes >> 20}m"


def test_caddy_waits_longer_than_clinvk_does(server: settings.ServerSettings) -> None:
    said = {name: float(secs) for name, secs in re.findall(r"^\t+(\w+) (\d+)s\b", CADDY, re.MULTILINE)}
    assert said["response_header_timeout"] > server.request_timeout_secs
    assert said["keepalive"] < server.idle_timeout_secs
    assert f"max_size {server.max_request_body_bytes >> 20}MiB" in CADDY
    assert not re.search(r"^\s*(flush_interval|lb_retries|lb_try_duration)", CADDY, re.MULTILINE)


def test_nginx_sends_nothing_twice_and_holds_nothing_back() -> None:
    off = ("proxy_next_upstream", "proxy_buffering", "proxy_ignore_client_abort", "gzip")
    assert {name: directive(name) for name in off} == dict.fromkeys(off, "off")
    headers = re.findall(r"^( *)proxy_set_header", NGINX, re.MULTILINE)
    assert set(headers) == {" " * 4}, "one in a location would put all of them out of force there"


@pytest.mark.parametrize("name", ["Caddyfile", "login.caddy"])
def test_caddy_would_write_its_file_no_other_way(name: str) -> None:
    file = DEPLOY / "caddy" / name
    formatted = subprocess.run([needs("caddy"), "fmt", file], capture_output=True, text=True, check=False)
    assert formatted.stdout == file.read_text()


FILES = [path for path in DEPLOY.rglob("*") if path.is_file()]


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_no_secret_is_in_an_example(file: Path) -> None:
    text = file.read_text("utf-8")
    assert not re.findall(r"PRIVATE KEY|\bsk-[\w-]{8}|\$2[aby]\$|\$6\$", text)
    assert not re.findall(r"\b[0-9a-f]{32,}\b|\b[A-Za-z0-9+/]{40,}={0,2}\b", text)
