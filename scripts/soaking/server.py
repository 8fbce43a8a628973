"""The server that is loaded: started as a user starts it, in a home of its own."""

import os
import re
import select
import subprocess
import sys
from pathlib import Path

from clinvk import processes

DEADLINE = 60.0
SETTINGS = """\
server:
  metrics_enabled: true
  rate_limit_enabled: false
  max_concurrent_runs: 8
  audit_log: {home}/audit.jsonl
pool:
  idle_timeout_secs: 3
"""


class Server:
    """`clinvk serve` with its guardian above it, API keys, metrics and an audit log."""

    key = "clv_a-key-for-the-load"

    def __init__(self, home: Path, program: str | None = None) -> None:
        (home / "config.yaml").write_text(SETTINGS.format(home=home))
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {"HOME": str(home), "CLINVK_HOME": str(home), "CLINVK_API_KEYS": self.key}
        served = [program] if program else ["-m", "clinvk"]
        self.log = home / "server.log"
        with self.log.open("wb") as log:
            self.guardian = subprocess.Popen(
                [sys.executable, *served, "serve", "--port", "0"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=home,
            )
        try:
            self.port = self._port()
            self.pid = next(row.pid for row in processes.table().values() if row.ppid == self.guardian.pid)
        except BaseException:
            self.end()
            raise

    def family(self) -> list[processes.Process]:
        """Every process below the guardian that lives."""
        return [row for row in processes.descendants(self.guardian.pid, processes.table()) if row.alive]

    def end(self) -> list[str]:
        """End it as a service manager does. What should not be is told: a bad exit, processes that are left."""
        family = self.family()
        self.guardian.terminate()
        try:
            status = self.guardian.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.guardian.kill()
            status = self.guardian.wait(DEADLINE)
        if self.guardian.stdout:
            self.guardian.stdout.close()
        now = {(row.pid, row.started) for row in processes.table().values() if row.alive}
        left = [f"process {row.pid}" for row in family if (row.pid, row.started) in now]
        errors = [line for line in self.log.read_text(errors="replace").splitlines() if '"level": "error"' in line]
        told = [f"in the server's log: {line[:300]}" for line in errors[:5]]
        return left + told + ([f"exit status {status}"] if status else [])

    def _port(self) -> int:
        told = b""
        while b"Press Ctrl+C" not in told:
            assert self.guardian.stdout
            ready, _, _ = select.select([self.guardian.stdout], [], [], DEADLINE)
            piece = os.read(self.guardian.stdout.fileno(), 4096) if ready else b""
            if not piece:
                sys.exit("the server did not start:\n" + self.log.read_text(errors="replace"))
            told += piece
        found = re.search(rb"http://[^ ]*:(\d+)", told)
        assert found
        return int(found[1])
