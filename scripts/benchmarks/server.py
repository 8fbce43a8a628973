"""Servers under measurement: processes of their own, in homes of their own, and what /proc says of them."""

import http.client
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from programs import Program

from clinvk.schemas import Schemas

DEADLINE = 60.0
_HERE = Path(__file__).parent
_SETTINGS = """\
server: {{max_concurrent_runs: 256, max_queued_runs: 1024, max_connections: 2000}}
session: {{store_content: true}}
{more}
"""


class NotServed(Exception):
    """It did not start; what it said."""


def has_pool() -> bool:
    """Whether this clinvk has a pool that can be switched off."""
    return "pool" in Schemas().whole("config/config")["properties"]


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """A clean one: nothing of this machine's user gets in the way."""
    return {"HOME": str(home), "CLINVK_HOME": str(home / "clinvk"), "PATH": "/usr/bin:/bin", **(more or {})}


class Started:
    """A server's process, or that above it; `pid` is the one that serves."""

    def __init__(self, argv: Sequence[str], home: Path, variables: Mapping[str, str], said: bytes) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self._log = home / "server.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=dict(variables), cwd=home
            )
        try:
            self.port = self._port(said)
            self.pid = self._server()
        except BaseException:
            self.end()
            raise

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One JSON answer, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def quiet(self) -> None:
        """Return when no run is live any more."""
        until = time.monotonic() + DEADLINE
        while self.ask("GET", "/health")["runs"]["live"]:
            if time.monotonic() > until:
                raise NotServed("its runs do not end")
            time.sleep(0.05)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def _server(self) -> int:
        return self.process.pid

    def _port(self, said: bytes) -> int:
        told, out = b"", self.process.stdout
        assert out
        while said not in told:
            ready, _, _ = select.select([out], [], [], DEADLINE)
            piece = os.read(out.fileno(), 4096) if ready else b""
            if not piece:
                raise NotServed(self._log.read_text(errors="replace")[-2000:])
            told += piece
        found = re.search(rb"http://[^ ]*:(\d+)", told)
        assert found
        return int(found[1])


class Clinvk(Started):
    """`clinvk serve`, with the instant program in the demo child's place if one is given."""

    def __init__(
        self,
        home: Path,
        program: Program | None = None,
        pool: bool | None = None,
        report: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        folder = home / "clinvk"
        folder.mkdir(parents=True, exist_ok=True)
        switched = "" if pool is None else f"pool: {{enabled: {str(pool).lower()}}}"
        (folder / "config.yaml").write_text(_SETTINGS.format(more=switched))
        python = [sys.executable]
        if program:
            python += ["-E", "-s", str(_HERE / "served.py"), json.dumps(program.argv), str(report or "-")]
        else:
            python += ["-m", "clinvk"]
        argv = [*python, "serve", "--port", "0", "--log-level", "warning"]
        super().__init__(argv, home, environment(home, more), b"Press Ctrl+C")

    def _server(self) -> int:
        return child_of(self.process.pid)


class Script(Started):
    """A rival: a script beside this one."""

    def __init__(self, name: str, home: Path, *arguments: str) -> None:
        argv = [sys.executable, "-E", "-s", str(_HERE / name), *arguments]
        super().__init__(argv, home, environment(home), b"\n")


def run(name: str, spec: Mapping[str, object]) -> Any:
    """What a client, a process of its own, measured: it is given `spec` as JSON and says JSON."""
    command = [sys.executable, "-E", "-s", str(_HERE / name), json.dumps(spec)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotServed(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def child_of(pid: int) -> int:
    """The first child of a process: of a guardian, the server."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def memory(pid: int) -> tuple[float, float]:
    """RSS and PSS of a process, in MB."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB", told, re.MULTILINE))
    return int(found["Rss"]) * 1024 / 1e6, int(found["Pss"]) * 1024 / 1e6
