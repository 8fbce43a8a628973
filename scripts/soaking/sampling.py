"""What a server takes of its machine, looked at from outside: /proc, and its own metrics."""

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from server import Server

from clinvk import processes

_LIVE = re.compile(r"^clinvk_runs_(?:live\{.*\}|queued) ([\d.]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """One look. `series` are lines of /metrics that are no comment."""

    at: float
    memory: int
    descriptors: int
    threads: int
    children: int
    series: int
    runs: int


class Sampler:
    """Looks at a server now and then. Its own connection is one of the server's descriptors, always."""

    def __init__(self, server: Server) -> None:
        self.samples: list[Sample] = []
        self._server = server
        self._proc = Path("/proc") / str(server.pid)
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", headers={"X-Api-Key": server.key}, timeout=60
        )

    async def look(self) -> Sample:
        """The server now."""
        metrics = (await self._client.get("/metrics")).raise_for_status().text
        status = (self._proc / "status").read_text()
        rows = processes.descendants(self._server.pid, processes.table())
        return Sample(
            at=time.monotonic(),
            memory=_field(status, "VmRSS") << 10,
            descriptors=len(list((self._proc / "fd").iterdir())),
            threads=_field(status, "Threads"),
            children=len(rows),
            series=sum(not line.startswith("#") for line in metrics.splitlines()),
            runs=round(sum(map(float, _LIVE.findall(metrics)))),
        )

    async def watch(self, ending: float, every: float) -> None:
        """Look until the time `ending`, so many seconds apart."""
        while time.monotonic() < ending:
            self.samples.append(await self.look())
            await asyncio.sleep(every)


async def busy(sampler: Sampler) -> bool:
    """Whether runs are live or waiting, or processes of theirs are left."""
    seen = await sampler.look()
    return bool(seen.runs or seen.children)


def _field(status: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    assert found, name
    return int(found[1])
