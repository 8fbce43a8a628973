"""Slots: how many runs have a child at once, who waits, and whose turn is next."""

import asyncio
import itertools
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from typing import Final

from clinvk.domain.access import Grant
from clinvk.domain.errors import QueueFull
from clinvk.supervisor.limits import Limits

_UNBOUNDED: Final = Grant("")


class Ticket:
    """A place in the queue, then a slot, then nothing. `number` is that of its arrival."""

    def __init__(self, slots: "Slots", backend: str, party: str, number: int) -> None:
        self._slots = slots
        self.backend = backend
        self.party = party
        self.number = number
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def position(self) -> int:
        """How many wait before it; 0 for one that waits no more."""
        return self._slots.position(self)

    def release(self) -> None:
        """Give the slot back, or leave the queue; a second time does nothing."""
        self._slots.release(self)


class _Line:
    """The tickets of one party that wait, in the order of their arrival."""

    def __init__(self) -> None:
        self._numbers: list[int] = []  # sorted: a new one is the highest
        self._of_backend: dict[str, OrderedDict[Ticket, None]] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def oldest(self) -> int:
        """The number of the ticket that came first."""
        return self._numbers[0]

    def add(self, ticket: Ticket) -> None:
        self._numbers.append(ticket.number)
        self._of_backend.setdefault(ticket.backend, OrderedDict())[ticket] = None

    def remove(self, ticket: Ticket) -> None:
        del self._numbers[self.index(ticket)]
        tickets = self._of_backend[ticket.backend]
        del tickets[ticket]
        if not tickets:
            del self._of_backend[ticket.backend]

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket in self._of_backend.get(ticket.backend, ())

    def index(self, ticket: Ticket) -> int:
        """How many of this line came before it."""
        return bisect_left(self._numbers, ticket.number)

    def first(self, may_begin: Callable[[str], bool]) -> Ticket | None:
        """The oldest whose backend may begin one more."""
        heads = [next(iter(tickets)) for backend, tickets in self._of_backend.items() if may_begin(backend)]
        return min(heads, key=lambda ticket: ticket.number, default=None)


class Slots:
    """Fair turns between parties: those who showed the same key, and those who showed none.

    Next is the party that holds the fewest slots; of several the one that was given none for the longest time,
    then the one that came first. Within a party it is first come, first served. A run whose backend or party is
    at its own limit lets later ones of others pass.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._backend_limits = limits.at_once
        self._arrivals = itertools.count()
        self._held: set[Ticket] = set()
        self._held_by: Counter[str] = Counter()
        self._held_of: Counter[str] = Counter()
        self._lines: dict[str, _Line] = {}
        self._turns = itertools.count(1)
        self._served: dict[str, int] = {}
        """When a party was last given a slot: who comes anew each time cannot keep others waiting for ever."""

    @property
    def held(self) -> int:
        return len(self._held)

    def held_by(self, backend: str) -> int:
        return self._held_by[backend]

    @property
    def waiting(self) -> int:
        return sum(map(len, self._lines.values()))

    def adjust(self, limits: Limits) -> None:
        """Let these hold from now on. Nobody loses a slot, or a place in the queue."""
        self._limits, self._backend_limits = limits, limits.at_once
        self._grant()

    def check(self, backends: Collection[str], party: str = "") -> None:
        """Raises QueueFull where one more of any of `backends` would have to wait, and may not."""
        has_room = len(self._held) < self._limits.max_concurrent_runs and self._may_hold(party)
        if not (has_room and any(map(self._may_begin, backends))):
            self._see_that_it_may_wait(party)

    def enter(self, backend: str, party: str = "", *, admitted: bool = False) -> Ticket:
        """A ticket, granted at once where there is room. Raises QueueFull, but not for one that was `admitted`
        before: with its group, that is.
        """
        ticket = Ticket(self, backend, party, next(self._arrivals))
        self._lines.setdefault(party, _Line()).add(ticket)
        self._grant()
        if not ticket.granted.done() and not admitted:
            self._leave(ticket)
            self._see_that_it_may_wait(party)
            self._lines.setdefault(party, _Line()).add(ticket)
        return ticket

    def position(self, ticket: Ticket) -> int:
        """How many wait before `ticket`: as many as get a slot before it, if each gets one that is new.

        It grows when a party comes that has its turn earlier.
        """
        if not self._waits(ticket):
            return 0
        # A party that holds h slots has its k-th turn when it is the one with the fewest, h + k. Of those who are
        # level then, whoever began with more slots comes first: it was given none on the way.
        level = self._held_of[ticket.party] + self._lines[ticket.party].index(ticket)
        mine, before = self._rank(ticket.party), 0
        for party, line in self._lines.items():
            ahead = level - self._held_of[party]
            before += min(max(ahead, 0), len(line)) + (0 <= ahead < len(line) and self._rank(party) < mine)
        return before

    def release(self, ticket: Ticket) -> None:
        if self._waits(ticket):
            self._leave(ticket)
        elif ticket in self._held:
            self._held.remove(ticket)
            self._held_by[ticket.backend] -= 1
            self._held_of -= Counter([ticket.party])  # which keeps no zeros: nothing is left of a key that is gone
            self._grant()
            if not self._held and not self._lines:
                self._served.clear()

    def _grant(self) -> None:
        while len(self._held) < self._limits.max_concurrent_runs and (ticket := self._next()):
            self._served[ticket.party] = next(self._turns)
            self._leave(ticket)
            self._held.add(ticket)
            self._held_by[ticket.backend] += 1
            self._held_of[ticket.party] += 1
            ticket.granted.set_result(None)

    def _next(self) -> Ticket | None:
        heads = [line.first(self._may_begin) for party, line in self._lines.items() if self._may_hold(party)]
        return min((head for head in heads if head), key=self._turn, default=None)

    def _turn(self, ticket: Ticket) -> tuple[int, int, int]:
        return self._held_of[ticket.party], self._served.get(ticket.party, 0), ticket.number

    def _rank(self, party: str) -> tuple[int, int, int]:
        return -self._held_of[party], self._served.get(party, 0), self._lines[party].oldest

    def _waits(self, ticket: Ticket) -> bool:
        return ticket.party in self._lines and ticket in self._lines[ticket.party]

    def _leave(self, ticket: Ticket) -> None:
        line = self._lines[ticket.party]
        line.remove(ticket)
        if not line:
            del self._lines[ticket.party]

    def _grant_of(self, party: str) -> Grant:
        return self._limits.grants.get(party, _UNBOUNDED)

    def _may_begin(self, backend: str) -> bool:
        return self._held_by[backend] < self._backend_limits.get(backend, self._limits.max_concurrent_runs)

    def _may_hold(self, party: str) -> bool:
        bound = self._grant_of(party).max_concurrent_runs
        return bound is None or self._held_of[party] < bound

    def _see_that_it_may_wait(self, party: str) -> None:
        """Raises QueueFull where `party` may not have one more wait.

        A queue that is full takes one all the same of a party of which none waits: nobody shuts out the others.
        """
        own, waiting, grant = len(self._lines.get(party, ())), self.waiting, self._grant_of(party)
        if grant.max_queued_runs is not None and own >= grant.max_queued_runs:
            bound = f"{own} of its runs are waiting, and max_queued_runs of the key is {grant.max_queued_runs}"
            told = f"The queue is full for the key '{party}': {bound}"
            raise QueueFull(own, _retry_after(own, self._limits.at_once_of(party)), told)
        limit = self._limits.max_queued_runs
        if waiting >= limit and (own or not limit):
            raise QueueFull(waiting, _retry_after(waiting, self._limits.max_concurrent_runs))


def _retry_after(waiting: int, slots: int) -> int:
    """Seconds until a place is likely: longer the more wait for each slot, 1 to 60."""
    return max(1, min(60, waiting // max(1, slots)))
