"""The server that is treated badly: the whole program with its guardian, in a home of its own."""

import json
import os
import re
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, Final

from clinvk import processes

KEY: Final = "clv_a-key-for-the-chaos"
DEADLINE: Final = 20.0
"""Seconds in which a server starts, or ends once it was asked to."""
AGENT: Final = Path(__file__).with_name("agent.py")


class NoStart(Exception):
    """The server did not start; the message is what it said."""


class Home:
    """The folder of one seed: configuration, store, the folder for temporary files, and the agent's executable."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.kept = folder / "clinvk"
        self.temporary = folder / "tmp"
        self.work = folder / "work"
        self.agent = folder / "gemini"
        for path in (self.kept, self.temporary, self.work):
            path.mkdir()
        self.settings = settings
        self.keys = settings["keys"]
        self.configure()
        self.put_agent()

    def configure(self, **server: Any) -> None:
        """Write the configuration, with these of the server's settings instead of those of the plan."""
        set_ = self.settings
        config = {
            "pool": {"enabled": set_["pool"], "idle_timeout_secs": set_["idle_secs"]},
            "session": {"store_content": set_["content"]},
            "backends": {"gemini": {"path": str(self.agent)}},
            "server": {
                "metrics_enabled": True,
                "max_concurrent_runs": set_["slots"],
                "max_queued_runs": set_["queue"],
                "max_run_output_bytes": set_["output_bytes"],
                "max_connections": set_["connections"],
                "shutdown_grace_secs": set_["grace"],
                "request_timeout_secs": set_["request_secs"],
                **({"audit_log": str(self.folder / "audit.jsonl")} if set_["audit"] else {}),
                **server,
            },
        }
        self.write(json.dumps(config))

    def write(self, text: str) -> None:
        """Put this in the place of the configuration."""
        new = self.kept / "config.new"
        new.write_text(text)
        new.replace(self.kept / "config.yaml")

    def put_agent(self, script: str = "") -> None:
        """Put the agent's executable where it is looked for, or this in its place."""
        new = self.folder / "gemini.new"
        new.write_text(script or f"#!/bin/sh\nexec '{sys.executable}' -I -S '{AGENT}' \"$@\"\n")
        new.chmod(0o755)
        new.replace(self.agent)


class Server:
    """`clinvk serve` on a home. `lines` is what it wrote to its log so far."""

    def __init__(self, home: Home) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {"HOME": str(home.folder), "CLINVK_HOME": str(home.kept), "TMPDIR": str(home.temporary)}
        environment |= {"CLINVK_API_KEYS": KEY} if home.keys else {}
        self.headers = {"Authorization": f"Bearer {KEY}"} if home.keys else {}
        self.lines: list[str] = []
        self.guardian = subprocess.Popen(
            [sys.executable, "-m", "clinvk", "serve", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=home.work,
        )
        assert self.guardian.stdout
        assert self.guardian.stderr
        # A pipe: a limit of the size of files shall not spare the log.
        self._reader = threading.Thread(target=self._read, args=(self.guardian.stderr,), daemon=True)
        self._reader.start()
        try:
            self.port = self._port(self.guardian.stdout)
            self.pid = next(row.pid for row in processes.table().values() if row.ppid == self.guardian.pid)
            self.pidfd = os.pidfd_open(self.pid)
        except BaseException:
            self.guardian.kill()
            self.guardian.wait()
            raise

    def family(self) -> list[processes.Process]:
        """The living processes below the server's guardian."""
        return [row for row in processes.descendants(self.guardian.pid, processes.table()) if row.alive]

    def has_ended(self, seconds: float) -> bool:
        """Whether server and guardian have ended, or do within so many seconds."""
        if not select.select([self.pidfd], [], [], seconds)[0]:
            return False
        try:
            self.guardian.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """Make sure that it is gone, and hear what it said last."""
        for pid in (self.guardian.pid, self.pid):
            if pid != self.guardian.pid or self.guardian.poll() is None:
                self._kill(pid)
        self.guardian.wait()
        self._reader.join(DEADLINE)
        os.close(self.pidfd)
        for pipe in (self.guardian.stdout, self.guardian.stderr):
            if pipe:
                pipe.close()

    def _kill(self, pid: int) -> None:
        if pid == self.guardian.pid:
            self.guardian.kill()
        elif not select.select([self.pidfd], [], [], 0)[0]:
            os.kill(pid, 9)

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self.lines.append(line.decode(errors="replace").rstrip())

    def _port(self, stdout: IO[bytes]) -> int:
        told = b""
        while b"Press Ctrl+C" not in told:
            ready, _, _ = select.select([stdout], [], [], DEADLINE)
            piece = os.read(stdout.fileno(), 4096) if ready else b""
            if not piece:
                raise NoStart("\n".join(self.lines)[-2000:])
            told += piece
        found = re.search(rb"http://[^ ]*:(\d+)", told)
        assert found
        return int(found[1])
