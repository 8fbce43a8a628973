"""Time, passed in: the one module that reads the system's clocks."""

import math
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """What the server knows of time."""

    def wall(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def rfc3339(wall: float) -> str:
    """`wall` (seconds since the epoch) as UTC with milliseconds: `2026-01-31T09:30:00.250Z`."""
    fraction, seconds = math.modf(wall)
    micros = round(fraction * 1_000_000)
    if not 0 <= micros < 1_000_000:  # it rounds up to the next second, or is before the epoch
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{_second(seconds)}.{micros // 1000:03d}Z"


@lru_cache(maxsize=8)  # of very many stamps nearly all are of the same second
def _second(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
