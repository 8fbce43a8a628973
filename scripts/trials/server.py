"""The server of a trial: started as a user starts it, in a home of its own, with its guardian above it."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clinvk import processes
from clinvk.processes import Process

DEADLINE = 60.0
_REPLAYS = 5
"""How often a log is asked for, at most."""
_SERVED = Path(__file__).with_name("served.py")
NATIVE, OPENAI, ANTHROPIC = "/api/v1/prompt", "/openai/v1/chat/completions", "/anthropic/v1/messages"


class Unexpected(Exception):
    """A trial that did not get as far as its end."""


class Stream:
    """A run's answer as it comes, on a connection of its own."""

    def __init__(self, server: "Server", path: str, body: Mapping[str, Any]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
        self._connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        self.answer = self._connection.getresponse()
        self.run_id = self.answer.headers.get("X-Run-Id") or ""
        self.session_id = ""
        self.told = ""

    def until(self, pattern: str, times: int = 1) -> list[str]:
        """Read until the pattern was found so often in all that was said; what it found."""
        while len(found := re.findall(pattern, self.told)) < times:
            line = self.answer.readline().decode()
            if not line:
                raise Unexpected(f"the stream ended after {self.told[-300:]!r}")
            self.told += line
        return found

    def end(self) -> str:
        """Read to the end; the last thing that a client of the native API was told."""
        try:
            self.told += self.answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return "the connection breaks"
        last = json.loads(self.told.rstrip().rpartition("\n")[2] or "{}")
        if last.get("type") == "run.finished":
            return "run.finished " + standing(last)
        return "the stream ends without run.finished"

    def close(self) -> None:
        """Leave."""
        self.answer.close()
        self._connection.close()


def standing(run: Any) -> str:
    """State and error of a run, or of its last event."""
    code = (run.get("error") or {}).get("code")
    return f"{run['state']} ({code})" if code else str(run["state"])


class Server:
    """`clinvk serve`, in whose runs a misbehaving CLI can answer."""

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, Any],
        prefix: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
        program: Sequence[str] = (str(_SERVED),),
    ) -> None:
        folder = home / "clinvk"
        folder.mkdir(parents=True, exist_ok=True)
        config = home / "config.json"
        config.write_text(json.dumps(settings))
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {"HOME": str(home), "CLINVK_HOME": str(folder), "CLINVK_CONFIG": str(config)}
        environment |= more or {}
        argv = [*prefix, sys.executable, "-E", "-s", *program, "serve", "--port", "0"]
        self.home = home
        self.log = home / "server.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=home
            )
        try:
            self.port = self._port()
            self.guardian = self._child_of(self.process.pid) if "--fork" in prefix else self.process.pid
            self.pid = self._child_of(self.guardian)
        except BaseException:
            self.end()
            raise

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON alone."""
        return self.ask(method, path, body)[1]

    def stream(self, prompt: str, model: str | None = None, **fields: Any) -> Stream:
        """A run of the native API, its events to be read."""
        body = {"backend": "demo", "prompt": prompt, "output_format": "stream-json", **fields}
        return Stream(self, NATIVE, body | ({"model": model} if model else {}))

    def run(self, run_id: str) -> Any:
        return self.json("GET", f"/api/v1/runs/{run_id}")

    def cancel(self, run_id: str) -> Any:
        return self.json("POST", f"/api/v1/runs/{run_id}/cancel?wait=30")

    def replay(self, run_id: str) -> list[Any]:
        """All events of a run that has ended. An impatient server cuts a reader off that stood still."""
        for _ in range(_REPLAYS - 1):
            with contextlib.suppress(http.client.IncompleteRead, ConnectionError):
                return self._replay(run_id)
        return self._replay(run_id)

    def below(self) -> list[Process]:
        """The living processes below the server: its CLIs and theirs, and what it adopted."""
        return [row for row in processes.descendants(self.pid, processes.table()) if row.alive]

    def family(self) -> list[Process]:
        """All living processes below whoever started it."""
        return [row for row in processes.descendants(self.process.pid, processes.table()) if row.alive]

    def settle(self) -> None:
        """Return when no run is live, and nothing is below the server."""
        until = time.monotonic() + DEADLINE
        while self.json("GET", "/health")["runs"]["live"] or self.below():
            if time.monotonic() > until:
                raise Unexpected(f"left: {[processes.command(row.pid) for row in self.below()]}")
            time.sleep(0.01)

    def end(self) -> None:
        if self.process.poll() is None:
            if self.process.pid != getattr(self, "guardian", self.process.pid):
                os.kill(self.guardian, signal.SIGTERM)
            else:
                self.process.terminate()
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(DEADLINE)
        if self.process.stdout:
            self.process.stdout.close()

    def _replay(self, run_id: str) -> list[Any]:
        status, told = self._raw("GET", f"/api/v1/runs/{run_id}/events")
        return [json.loads(line) for line in told.splitlines() if line.strip()] if status == 200 else []

    def _raw(self, method: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, headers={"Accept": "application/x-ndjson"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _child_of(self, pid: int) -> int:
        return next(row.pid for row in processes.table().values() if row.ppid == pid and row.alive)

    def _port(self) -> int:
        told = b""
        assert self.process.stdout
        while b"Press Ctrl+C" not in told:
            ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
            piece = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not piece:
                raise Unexpected("the server did not start:\n" + self.log.read_text(errors="replace")[-2000:])
            told += piece
        found = re.search(rb"http://[^ ]*:(\d+)", told)
        assert found
        return int(found[1])
