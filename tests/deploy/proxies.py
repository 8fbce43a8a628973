"""nginx and Caddy as docs/deploy configures them, each a process of its own on an address of its own."""

import http.client
import itertools
import json
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import DEADLINE

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy"
NAME = "clinvk.example.com"
"""The name in the examples."""
LOGIN = ("alice", "a password of alice's")
_BCRYPT = (
    "$2b$04$abcdefghijklmnopqrstuuJpxRrryAo4UReeI3F9tnHa5jz/VjrO6"  # as cheap as can be: a real one takes 0.3 s
)

_ports = itertools.count(20443)


def _own_address() -> str:
    """An address of the loopback network for this process, so that no two tests want one port."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 16) % 128}.{pid >> 8 & 255}.{pid & 255}"


def needs(program: str) -> str:
    """Where it is; skips the test where it is not."""
    beside = Path(sys.executable).parent
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin:{beside}")
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for NAME that nobody else will ever trust, and its key."""
    cert, key = folder / "fullchain.pem", folder / "privkey.pem"
    command = (
        needs("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
        "-keyout", key, "-out", cert,
    )  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """`text` with each of these in its place; all of them have to be there."""
    for old, new in changes.items():
        assert old in text, f"the example no longer says {old!r}"
        text = text.replace(old, new)
    return text


class Proxy:
    """One that is running. `upstream` is what it asks: `127.0.0.1:PORT`, or a socket in its own words."""

    name: str
    ready: bytes

    def __init__(self, folder: Path, upstream: str, *, key: str | None = None, user: str | None = None) -> None:
        """`key`: it asks for LOGIN, and shows clinvk this key. `user`: of nginx's workers."""
        self.folder = folder
        self.upstream = upstream
        self.key = key
        self.user = user
        self.address, self.port = _own_address(), next(_ports)
        self.cert, self._private = certificate(folder)
        self._tls = ssl.create_default_context(cafile=str(self.cert))
        self.log = folder / "access.log"
        self._connections: list[http.client.HTTPConnection] = []
        self._answers: list[http.client.HTTPResponse] = []
        command, environment = self._prepare()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment,
            cwd=folder,
        )  # fmt: skip
        self._said = b""
        self._wait()

    def _prepare(self) -> tuple[list[str], Mapping[str, str]]:
        """Write its files; what to start, and in which environment."""
        raise NotImplementedError

    def _wait(self) -> None:
        assert self._process.stderr
        while self.ready not in self._said:
            is_there, _, _ = select.select([self._process.stderr], [], [], DEADLINE)
            piece = os.read(self._process.stderr.fileno(), 4096) if is_there else b""
            if not piece:
                self.end()
                raise AssertionError(f"{self.name} did not start: {self._said.decode()}")
            self._said += piece

    def connect(self, source: str = "127.0.0.1") -> http.client.HTTPConnection:
        """A connection over TLS from that address, checked against the certificate."""
        plain = socket.create_connection((self.address, self.port), DEADLINE, (source, 0))
        connection = http.client.HTTPConnection(f"{NAME}:{self.port}")
        self._connections.append(connection)
        connection.sock = self._tls.wrap_socket(plain, server_hostname=NAME)
        return connection

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> http.client.HTTPResponse:
        """One request on a connection of its own; the answer's body is still to be read."""
        connection = self.connect(source)
        kind = {} if body is None else {"Content-Type": "application/json"}
        chunked = not isinstance(body, bytes | None)
        connection.request(method, path, body, {**kind, **(headers or {})}, encode_chunked=chunked)
        return self.answer(connection)

    def answer(self, connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        """What comes next on it."""
        self._answers.append(connection.getresponse())
        return self._answers[-1]

    def hang_up(self) -> None:
        """Leave, on every connection."""
        for each in (*self._answers, *self._connections):
            each.close()
        self._answers.clear()
        self._connections.clear()

    @property
    def said(self) -> str:
        """What it wrote about itself; all of it once it has ended."""
        return self._said.decode()

    def end(self) -> None:
        """Returns when its log is whole. Does nothing the second time."""
        assert self._process.stderr
        if self._process.stderr.closed:
            return
        self.hang_up()
        self._process.terminate()
        self._said += self._process.stderr.read()
        self._process.stderr.close()
        self._process.wait(DEADLINE)


class Nginx(Proxy):
    """With a main file such as Debian's, which includes ours."""

    name = "nginx"
    ready = b"start worker process"

    def main_file(self) -> Path:
        """The configuration, written out."""
        folder = self.folder
        changes = {
            "/etc/nginx/clinvk/": f"{folder}/",
            "/var/log/nginx/clinvk.log": str(self.log),
            "listen 80;": f"listen {self.address}:{next(_ports)};",
            "    listen [::]:80;\n": "",
            "listen 443 ssl http2;": f"listen {self.address}:{self.port} ssl http2;",
            "    listen [::]:443 ssl http2;\n": "",
            "server 127.0.0.1:8080;": f"server {self.upstream};",
        }
        if self.key:
            changes["# include"] = "include"
            self._login(self.key)
        (folder / "clinvk.conf").write_text(replaced((DEPLOY / "nginx" / "clinvk.conf").read_text(), changes))
        user = self.user or ("root" if os.geteuid() == 0 else None)
        scratch = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = folder / "nginx.conf"
        main.write_text(
            f"{f'user {user};' if user else ''} worker_processes 1; pid {folder}/nginx.pid;"
            f"error_log stderr notice;"
            f"events {{}} http {{ access_log off; {scratch} gzip on; include {folder}/clinvk.conf; }}"
        )
        return main

    def _login(self, key: str) -> None:
        text = (DEPLOY / "nginx" / "login.conf").read_text()
        (self.folder / "login.conf").write_text(text.replace("/etc/nginx/clinvk/", f"{self.folder}/"))
        name = "REPLACE-WITH-A-KEY-OF-CLINVK"
        (self.folder / "key.conf").write_text(replaced((DEPLOY / "nginx" / "key.conf").read_text(), {name: key}))
        hashed = _printed(needs("openssl"), "passwd", "-6", LOGIN[1])
        (self.folder / "htpasswd").write_text(f"{LOGIN[0]}:{hashed}\n")

    def _prepare(self) -> tuple[list[str], Mapping[str, str]]:
        program = needs("nginx")
        arguments = ["-p", str(self.folder), "-c", str(self.main_file())]
        checked = subprocess.run([program, "-t", *arguments], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert not re.findall(r"\[(?:warn|error|emerg)\].*", checked.stderr), checked.stderr
        return [program, "-g", "daemon off;", *arguments], {}


class Caddy(Proxy):
    """Without the certificates that it would get from elsewhere."""

    name = "Caddy"
    ready = b"serving initial configuration"

    def caddyfile(self) -> Path:
        """The configuration, written out."""
        folder = self.folder
        certified = f"tls {self.cert} {self._private}"
        changes = {
            "unix//var/lib/caddy/admin.sock\n": f"unix/{folder}/admin.sock\n\tauto_https disable_redirects\n",
            f"\n{NAME} {{\n": f"\nhttps://{NAME}:{self.port} {{\n\tbind {self.address}\n\t{certified}\n",
            "/var/log/caddy/clinvk.log": str(self.log),
            "reverse_proxy 127.0.0.1:8080": f"reverse_proxy {self.upstream}",
        }
        if self.key:
            changes["# import /etc/caddy/login.caddy"] = f"import {folder}/login.caddy"
            login = (DEPLOY / "caddy" / "login.caddy").read_text()
            place = "REPLACE-WITH-WHAT-caddy-hash-password-PRINTS"
            (folder / "login.caddy").write_text(replaced(login, {place: _BCRYPT}))
        file = folder / "Caddyfile"
        file.write_text(replaced((DEPLOY / "caddy" / "Caddyfile").read_text(), changes))
        return file

    def _prepare(self) -> tuple[list[str], Mapping[str, str]]:
        command = [needs("caddy"), "run", "--config", str(self.caddyfile()), "--adapter", "caddyfile"]
        return command, {"HOME": str(self.folder), "CLINVK_KEY": self.key or ""}


def _printed(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def problem(answer: http.client.HTTPResponse) -> Any:
    """What it says, if it says so as clinvk would."""
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json"
    return json.loads(answer.read())
