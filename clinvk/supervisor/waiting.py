"""Those who wait for the next entry of a log."""

import asyncio
import logging
from collections.abc import Callable

from clinvk.domain.events import Entry

_log = logging.getLogger("clinvk.log")

Take = Callable[[Entry], None]
"""What a reader who has all there is does with the next entry. It does not wait."""


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
                _give(take, entry)
            future.set_result(None)


def _give(take: Take, entry: Entry) -> None:
    try:
        take(entry)
    except Exception:  # noqa: BLE001  it is one reader's fault: neither the run's nor the others'
        _log.exception("a reader could not take an entry")
