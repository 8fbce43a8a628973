"""Those who wait for the next entry of a log."""

import asyncio
from collections.abc import Callable

from clinvk.domain.events import Entry

Take = Callable[[Entry], None]
"""What a reader who has all there is does with the next entry. It must not raise or wait."""


class Waiting:
    """Readers that are up to date. A future wakes them a turn of the loop later; who takes is told at once."""

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Future[None], Take | None]] = []

    def add(self, take: Take | None = None) -> "asyncio.Future[None]":
        """Done when there is more, or nothing will ever come."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, take))
        return future

    def wake(self, entry: Entry | None = None) -> None:
        """There is more: `entry`, if it is new. Whoever waits no longer has cancelled."""
        waiting, self._waiting = self._waiting, []
        for future, take in waiting:
            if future.done():
                continue
            if take and entry:
                take(entry)
            future.set_result(None)
