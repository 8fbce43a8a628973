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
    rest, whole = math.modf(wall)
    micros = round(rest * 1_000_000)
    if not 0 <= micros < 1_000_000:
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{_to_the_second(int(whole))}.{micros // 1000:03}Z"


@lru_cache(maxsize=16)  # whoever asks means now, or one of a few moments of a run
def _to_the_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]
