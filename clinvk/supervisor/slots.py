"""Slots: how many runs have a child at once, and who waits in which order."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping

from clinvk.domain.errors import QueueFull


class Ticket:
    """A place in the queue, then a slot, then nothing."""

    def __init__(self, slots: "Slots", backend: str) -> None:
        self._slots = slots
        self.backend = backend
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def position(self) -> int:
        """How many wait before it; 0 for one that waits no more."""
        return self._slots.position(self)

    def release(self) -> None:
        """Give the slot back, or leave the queue; a second time does nothing."""
        self._slots.release(self)


class Slots:
    """First come, first served: a run whose backend is at its own limit lets later ones of others pass."""

    def __init__(self, limit: int, queue_limit: int, backend_limits: Mapping[str, int]) -> None:
        self._limit = limit
        self._queue_limit = queue_limit
        self._backend_limits = backend_limits
        self._held: set[Ticket] = set()
        self._held_by: Counter[str] = Counter()
        self._queue: dict[Ticket, None] = {}  # ordered, and quick to leave from the middle

    @property
    def held(self) -> int:
        return len(self._held)

    def held_by(self, backend: str) -> int:
        return self._held_by[backend]

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def adjust(self, limit: int, queue_limit: int, backend_limits: Mapping[str, int]) -> None:
        """Let these hold from now on. Nobody loses a slot, or a place in the queue."""
        self._limit, self._queue_limit, self._backend_limits = limit, queue_limit, backend_limits
        self._grant()

    def check(self, backends: Collection[str]) -> None:
        """Raises QueueFull where one more of any of `backends` would have to wait, and may not."""
        has_room = len(self._held) < self._limit and any(map(self._may_begin, backends))
        if not has_room and len(self._queue) >= self._queue_limit:
            raise QueueFull(len(self._queue), self._retry_after())

    def enter(self, backend: str, *, admitted: bool = False) -> Ticket:
        """A ticket, granted at once where there is room. Raises QueueFull, but not for one that was `admitted`
        before: with its group, that is.
        """
        ticket = Ticket(self, backend)
        self._queue[ticket] = None
        self._grant()
        if ticket in self._queue and len(self._queue) > self._queue_limit and not admitted:
            del self._queue[ticket]
            raise QueueFull(len(self._queue), self._retry_after())
        return ticket

    def position(self, ticket: Ticket) -> int:
        """How many wait before `ticket`."""
        return next((place for place, other in enumerate(self._queue) if other is ticket), 0)

    def release(self, ticket: Ticket) -> None:
        self._queue.pop(ticket, None)
        if ticket in self._held:
            self._held.remove(ticket)
            self._held_by[ticket.backend] -= 1
            self._grant()

    def _grant(self) -> None:
        for ticket in list(self._queue):
            if len(self._held) >= self._limit:
                return
            if self._may_begin(ticket.backend):
                del self._queue[ticket]
                self._held.add(ticket)
                self._held_by[ticket.backend] += 1
                ticket.granted.set_result(None)

    def _may_begin(self, backend: str) -> bool:
        return self._held_by[backend] < self._backend_limits.get(backend, self._limit)

    def _retry_after(self) -> int:
        """Seconds until a place is likely: longer the more wait for each slot, 1 to 60."""
        return max(1, min(60, len(self._queue) // max(1, self._limit)))
