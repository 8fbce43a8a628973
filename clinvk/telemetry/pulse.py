"""How busy the server is: requests by second, the event loop's delays, its own memory. Cheap: nothing is kept
but two rings of numbers."""

import asyncio
import os
import resource
from collections import deque
from collections.abc import Callable
from typing import Final

from clinvk.clock import Clock
from clinvk.views import Pulse

_SECONDS: Final = 60
_BEAT_SECS: Final = 0.25
_BEATS: Final = 20  # of five seconds
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Gauge:
    """Measures the pulse of one server. Belongs to the loop's thread. `late` hears each delay, in seconds."""

    def __init__(self, clock: Clock, late: Callable[[float], None] = lambda _: None) -> None:
        self._clock = clock
        self._late = late
        self._second = int(clock.monotonic())
        self._requests = [0] * _SECONDS
        self._failures = [0] * _SECONDS
        self._delays: deque[float] = deque(maxlen=_BEATS)

    def count(self, *, failed: bool) -> None:
        """A request was answered just now, or broken off."""
        self._turn()
        place = self._second % _SECONDS
        self._requests[place] += 1
        self._failures[place] += failed

    async def beat(self) -> None:
        """Ask to be called again and again, and note how late that is. Runs until cancelled."""
        while True:
            due = self._clock.monotonic() + _BEAT_SECS
            await asyncio.sleep(_BEAT_SECS)
            delay = max(0.0, self._clock.monotonic() - due)
            self._delays.append(delay)
            self._late(delay)

    def read(self) -> Pulse:
        """The pulse now. The second that is under way is the newest."""
        self._turn()
        oldest = (self._second + 1) % _SECONDS
        return Pulse(
            requests=(*self._requests[oldest:], *self._requests[:oldest]),
            failures=(*self._failures[oldest:], *self._failures[:oldest]),
            loop_lag_ms=round(max(self._delays, default=0.0) * 1000, 1),
            memory_bytes=_own_memory(),
        )

    def _turn(self) -> None:
        """Turn the rings on to this second: what is a minute old is overwritten."""
        now = int(self._clock.monotonic())
        for second in range(max(self._second, now - _SECONDS) + 1, now + 1):
            self._requests[second % _SECONDS] = self._failures[second % _SECONDS] = 0
        self._second = now


def _own_memory() -> int:
    """Resident bytes of this process; the most it ever had, where the system tells no more."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  asked for with each glance at the server
            return int(file.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
