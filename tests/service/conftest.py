"""Servers as service managers start them: with sockets that are open already, and somebody who waits for news."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clinvk import processes
from tests import ndjson

DEADLINE = 20.0
SERVE = (sys.executable, "-m", "clinvk", "serve", "--port", "0", "--log-format", "json")

# Becomes the program, with the sockets from descriptor 3 on, and variables that name its own pid.
_LAUNCH = """if True:
    import fcntl, os, sys
    fds, own, command = [int(fd) for fd in sys.argv[1].split()], sys.argv[2].split(), sys.argv[3:]
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for fd in fds]
    for fd in fds:
        os.close(fd)
    for place, fd in enumerate(high):
        os.dup2(fd, 3 + place)
        os.close(fd)
    os.environ.update({name: str(os.getpid()) for name in own})
    os.execvp(command[0], command)
"""


class News:
    """What a server tells its service manager, on a socket of ours."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.setblocking(False)

    def next(self, patience: float = DEADLINE) -> dict[str, str]:
        """The next datagram's variables; empty if none comes."""
        if not select.select([self.socket], [], [], patience)[0]:
            return {}
        lines = self.socket.recv(4096).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def until(self, name: str, value: str) -> list[dict[str, str]]:
        """The datagrams up to the first in which `value` is within what `name` says."""
        seen: list[dict[str, str]] = []
        while not seen or value not in seen[-1].get(name, ""):
            news = self.next()
            assert news, f"no {name} with {value} came after {seen}"
            seen.append(news)
        return seen

    def rest(self) -> list[dict[str, str]]:
        """What has come and was not read."""
        return list(iter(lambda: self.next(0), {}))


class Service:
    """A server that was started so, and its guardian."""

    def __init__(self, home: Path, command: tuple[str, ...], fds: tuple[int, ...], more: dict[str, str]) -> None:
        own = "LISTEN_PID WATCHDOG_PID"
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CLINVK_HOME": str(home / "clinvk")}
        if fds:
            environment["LISTEN_FDS"] = str(len(fds))
        self.errors = home / "errors.log"
        with self.errors.open("ab") as log:
            self.guardian = subprocess.Popen(
                [sys.executable, "-c", _LAUNCH, " ".join(map(str, fds)), own, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment | more,
                cwd=home,
                pass_fds=fds,
            )
        self.told = ""

    @property
    def server(self) -> int:
        """The server's own pid."""
        return next(row.pid for row in processes.table().values() if row.ppid == self.guardian.pid)

    def announced(self) -> str:
        """The address in the start-up output."""
        assert self.guardian.stdout
        while "Press Ctrl+C" not in self.told:
            assert select.select([self.guardian.stdout], [], [], DEADLINE)[0], self.told
            piece = os.read(self.guardian.stdout.fileno(), 4096)
            assert piece, self.errors.read_text()
            self.told += piece.decode()
        return self.told.split("\n")[0].removeprefix("clinvk API server starting on ")

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self.errors.read_text().splitlines() if line.startswith("{")]

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        with contextlib.closing(connection(self.announced())) as over:
            return ask(over, method, path, body)

    def start(self, prompt: str) -> str:
        """The id of a detached run that is under way."""
        body = {"backend": "demo", "prompt": prompt, "detach": True}
        return str(self.call("POST", "/api/v1/prompt", body)[1]["id"])

    def start_children(self) -> None:
        """Start a run with its four children up."""
        over = connection(self.announced())
        body = json.dumps({"backend": "demo", "prompt": "/children", "detach": True})
        over.request("POST", "/api/v1/prompt", body, {"Content-Type": "application/json"})
        run = json.loads(over.getresponse().read())["id"]
        over.request("GET", f"/api/v1/runs/{run}/events", headers={"Accept": "application/x-ndjson"})
        events, text = over.getresponse(), ""
        while len(re.findall(r"pid \d+", text)) < 4:
            text += ndjson.until(events, "text.delta")["text"]
        over.close()

    def code(self) -> int:
        """The exit code, when it has ended."""
        return self.guardian.wait(DEADLINE)

    def end(self) -> None:
        if self.guardian.poll() is None:
            os.kill(self.server, signal.SIGKILL)  # the guardian then ends all that it has started
            self.guardian.wait(DEADLINE)
        assert self.guardian.stdout
        self.guardian.stdout.close()


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=DEADLINE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(self._path)


def connection(address: str) -> http.client.HTTPConnection:
    """One to `http://host:port` or `unix:/path`, which stays open from request to request."""
    if address.startswith("unix:"):
        return _Unix(address.removeprefix("unix:"))
    return http.client.HTTPConnection(address.removeprefix("http://"), timeout=DEADLINE)


def ask(over: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and value of one answer."""
    kind = {} if body is None else {"Content-Type": "application/json"}
    over.request(method, path, None if body is None else json.dumps(body), kind)
    answer = over.getresponse()
    return answer.status, json.loads(answer.read())


def tcp() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.fixture
def to() -> Iterator[Callable[[str], http.client.HTTPConnection]]:
    """Opens connections that last as long as the test."""
    with contextlib.ExitStack() as opened:
        yield lambda address: opened.enter_context(contextlib.closing(connection(address)))


@pytest.fixture
def news(tmp_path: Path) -> Iterator[News]:
    heard = News(str(tmp_path / "notify"))
    yield heard
    heard.socket.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts a server with these sockets and variables."""
    started: list[Service] = []

    def start(*sockets: Any, command: tuple[str, ...] = SERVE, **more: str) -> Service:
        started.append(Service(tmp_path, command, tuple(each.fileno() for each in sockets), more))
        return started[-1]

    yield start
    for one in started:
        one.end()
