"""The whole program: started as a user starts it, asked over HTTP, ended by signals."""

import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clinvk import processes
from tests import ndjson, ports
from tests.e2e.chromium import browser  # noqa: F401  a fixture of this folder

DEADLINE = 20.0
SOAK = "CLINVK_SOAK" in os.environ
"""Everything at the size, and within the time, that is promised: see scripts/soak."""
PROMPTLY = 1.0 if SOAK else DEADLINE
"""Seconds in which everything is gone. Only a quiet machine can be held to the promise."""


class Served:
    """A server in a process of its own, with its guardian above it."""

    patience = DEADLINE
    """Seconds that an answer may take."""

    def __init__(
        self, home: Path, *flags: str, argv: tuple[str, ...] = (), more: Mapping[str, str] | None = None
    ) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {"HOME": str(home), "CLINVK_HOME": str(home / "clinvk")} | dict(more or {})
        command = argv or (sys.executable, "-m", "clinvk", "serve", "--port", "0", *flags)
        self.log = home / "server.log"
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:  # another may write it too, each at its end
            self.guardian = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=home
            )
        self.port = port_of(self.guardian.stdout)

    @property
    def pid(self) -> int:
        """The server's own pid."""
        rows = processes.table()
        return next(row.pid for row in rows.values() if row.ppid == self.guardian.pid)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        """One request on a connection of its own; the answer's body is still to be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        sent = None if body is None else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, sent, {"Connection": "close"} | kind | headers)
        except ConnectionRefusedError:
            raise ConnectionRefusedError(self.whereabouts()) from None
        return connection.getresponse()

    def whereabouts(self) -> str:
        """What became of a server that nobody reaches any more."""
        ended = f"exit status {self.guardian.poll()}, below the guardian {self.family()}, last words:"
        return "\n".join([ended, *self.log.read_text(errors="replace").splitlines()[-20:]])

    def json(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.call(method, path, body).read())

    def prompt(self, prompt: str, **fields: Any) -> Any:
        return self.json("POST", "/api/v1/prompt", {"backend": "demo", "prompt": prompt, **fields})

    def stream(self, prompt: str, **fields: Any) -> http.client.HTTPResponse:
        body = {"backend": "demo", "prompt": prompt, "output_format": "stream-json", **fields}
        return self.call("POST", "/api/v1/prompt", body)

    def family(self) -> list[processes.Process]:
        """Every process below the guardian."""
        return processes.descendants(self.guardian.pid, processes.table())

    def start(self, prompt: str) -> str:
        """A detached run whose child has its turn; the run's id."""
        run_id = str(self.prompt(prompt, detach=True)["id"])
        events = self.call("GET", f"/api/v1/runs/{run_id}/events", Accept="application/x-ndjson")
        ndjson.until(events, "run.started")
        events.close()
        return run_id

    def start_children(self) -> str:
        """A `/children` run with its four children up; the run's id."""
        run_id = str(self.prompt("/children", detach=True)["id"])
        events = self.call("GET", f"/api/v1/runs/{run_id}/events", Accept="application/x-ndjson")
        told = ""
        while len(re.findall(r"pid \d+", told)) < 4:
            told += ndjson.until(events, "text.delta")["text"]
        events.close()
        return run_id

    def end_of(self, run_id: str) -> Any:
        """The last event of a run, once it has ended by itself or by what somebody else did."""
        events = self.call("GET", f"/api/v1/runs/{run_id}/events", Accept="application/x-ndjson")
        return ndjson.until(events, "run.finished")

    def kill(self) -> None:
        """As the out-of-memory killer does it; returns when the guardian has cleared up."""
        os.kill(self.pid, signal.SIGKILL)
        self.guardian.wait(DEADLINE)

    def end(self) -> None:
        if self.guardian.poll() is None:
            self.guardian.terminate()
            self.guardian.wait(DEADLINE)
        self.guardian.stdout.close()


def port_of(stdout: Any) -> int:
    """The port that the start-up output tells, within the deadline."""
    told = b""
    while b"Press Ctrl+C" not in told:
        ready, _, _ = select.select([stdout], [], [], DEADLINE)
        assert ready, told
        piece = os.read(stdout.fileno(), 4096)
        assert piece, f"the server did not start: {told.decode()}"
        told += piece
    return int(re.search(rb"https?://[^ ]*:(\d+)", told).group(1))


def configure(home: Path, **settings: Any) -> Path:
    """Put `settings` into the file that servers on `home` read; JSON is YAML."""
    file = home / "clinvk" / "config.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(settings))
    return home


def until(true: Callable[[], Any]) -> Any:
    """What `true` gives once it is so, within the deadline: nothing tells when a server has looked again."""
    ends = time.monotonic() + DEADLINE
    while not (found := true()):
        assert time.monotonic() < ends, true
        time.sleep(0.02)
    return found


def gone(family: list[processes.Process]) -> bool:
    """Whether none of these processes is left; a pid in other hands does not count."""
    now = {(row.pid, row.started) for row in processes.table().values() if row.alive}
    return not now & {(row.pid, row.started) for row in family}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers on one home, one after the other."""
    started: list[Served] = []

    def start() -> Served:
        started.append(Served(tmp_path))
        return started[-1]

    yield start
    for served in started:
        served.end()


@pytest.fixture
def port() -> Iterator[int]:
    with ports.held() as held:
        yield held


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    server.end()
