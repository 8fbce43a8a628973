"""What there is to tell of the connection to a server: that server's own log stays with it."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from clinvk.clock import Clock, rfc3339
from clinvk.views import LogLine

_KEPT: Final = 1000
_FIRST_SECS: Final = 0.25
_MOST_SECS: Final = 5.0


class ConnectionLog:
    """Lines 0, 1, 2…: the newest thousand are kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: deque[LogLine] = deque(maxlen=_KEPT)
        self._count = 0
        self._news = asyncio.Event()

    def tell(self, level: str, message: str) -> None:
        """Add a line, and wake who follows."""
        self._lines.append(LogLine(self._count, rfc3339(self._clock.wall()), level, "clinvk.remote", message))
        self._count += 1
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, since: int = 0) -> AsyncGenerator[list[LogLine], None]:
        """Lines from number `since` on, as far as they are still there; then what comes. Never ends."""
        while True:
            lines = [line for line in self._lines if line.seq >= since]
            if lines:
                since = lines[-1].seq + 1
                yield lines
            else:
                await self._news.wait()


class Attempts:
    """The connections of one stream, one after the other: tells the log of them, and spaces them out."""

    def __init__(self, log: ConnectionLog, name: str) -> None:
        self._log = log
        self._name = name
        self._trouble: str | None = None
        self._was_connected = False
        self._failures = 0

    def connected(self) -> None:
        """The server answers."""
        if not self._was_connected or self._trouble:
            again = " again" if self._was_connected else ""
            self.tell(f"connected{again}")
        self._was_connected = True
        self._trouble = None

    def tell(self, message: str) -> None:
        """Tell the log something of this stream."""
        self._log.tell("info", f"{self._name}: {message}")

    def heard(self) -> None:
        """Something came by this connection: the next failure is a first one."""
        self._failures = 0

    async def pause(self, trouble: str) -> None:
        """Tell why the connection is gone, if that is news, and wait until the next may be tried."""
        if trouble != self._trouble:
            self._log.tell("warning", f"{self._name}: {trouble}; trying again")
        self._trouble = trouble
        longest = min(_MOST_SECS, _FIRST_SECS * 2 ** min(self._failures, 10))
        self._failures += 1
        # Many consoles of one server shall not come back in one moment.
        await asyncio.sleep(longest * random.uniform(0.5, 1))  # noqa: S311  no secret depends on it
