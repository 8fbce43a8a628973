"""The machine that was measured on: what it is, and how much it was disturbed meanwhile."""

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from figures import Spread, spread

ROOT = Path(__file__).resolve().parents[2]
_TURNS = 200_000
_SPINS = 9
_LIBRARIES = ("tornado", "orjson", "msgspec")


class Noise:
    """What else happened on the machine, from now until `told`."""

    def __init__(self) -> None:
        self._began = _times()
        self._load = os.getloadavg()[0]
        self._spins = [spin() for _ in range(_SPINS)]

    def look(self) -> None:
        """Spin some more: called between measurements, while nothing is measured."""
        self._spins += [spin() for _ in range(_SPINS)]

    def told(self) -> dict[str, Any]:
        self.look()
        began, ended = self._began, _times()
        passed = [after - before for before, after in zip(began, ended, strict=True)]
        stolen = passed[7] / sum(passed[:8]) if sum(passed[:8]) else 0.0
        spun: Spread = spread(self._spins)
        return {
            "steal_percent": round(100 * stolen, 2),
            "load_before": round(self._load, 2),
            "load_after": round(os.getloadavg()[0], 2),
            "spin_ms": {"median": spun.median, "low": spun.low, "high": spun.high, "worst": max(self._spins)},
        }


def spin() -> float:
    """Milliseconds of a fixed loop that nothing but the machine can make slower."""
    began, total = time.perf_counter(), 0
    for turn in range(_TURNS):
        total += turn
    return (time.perf_counter() - began) * 1000


def told(compiler: str | None, size: str) -> dict[str, Any]:
    """What was measured with, and on."""
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "size": size,
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        "clinvk": version("clinvk"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "kernel": platform.release(),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "compiler": compiler,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _said(*command: str) -> str | None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _times() -> list[int]:
    """Ticks of all cores: user, nice, system, idle, iowait, irq, softirq, steal."""
    first = Path("/proc/stat").read_text().splitlines()[0]
    return [int(field) for field in first.split()[1:9]]
