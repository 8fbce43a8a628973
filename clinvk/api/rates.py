"""How often each client may ask: a bucket of tokens for each key, or for each address."""

import math
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from typing import Final

from clinvk.api import client
from clinvk.api.problems import Kind, Problem
from clinvk.clock import Clock
from clinvk.domain.access import Grant

_CLIENTS: Final = 10_000
_BETWEEN_SWEEPS: Final = 1.0  # seconds: who makes the table overflow is not to have it searched each time
_LONGEST_WAIT: Final = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """What holds for every client: requests a second in the long run, and at once after a silence."""

    enabled: bool = False
    rps: float = 10.0
    burst: int = 20
    cleanup_secs: float = 180.0
    """Between two looks for clients that need not be remembered."""


@dataclass(slots=True)
class _Bucket:
    """What has been taken and not come back yet: nothing, and it need not be remembered at all."""

    debt: float
    at: float
    rps: float

    def settle(self, now: float) -> float:
        """Let come back what did until `now`; the rest."""
        self.debt = max(0.0, self.debt - (now - self.at) * self.rps)
        self.at = now
        return self.debt


class Rates:
    """Who has asked how often. `limit` may be replaced at any time: what was taken stays taken."""

    def __init__(self, clock: Clock, limit: Limit | None = None, clients: int = _CLIENTS) -> None:
        """At most `clients` are remembered."""
        self.limit = limit or Limit()
        self._clock = clock
        self._clients = clients
        self._buckets: dict[str, _Bucket] = {}
        """The one that asked last stands last."""
        self._swept = clock.monotonic()

    def __len__(self) -> int:
        return len(self._buckets)

    def check(self, address: str, grant: Grant | None) -> None:
        """One request of the holder of `grant`, or where no key is asked for, of `address`. Raises Problem."""
        own = grant is not None and (grant.rate_limit_rps, grant.rate_limit_burst) != (None, None)
        if not (self.limit.enabled or own):
            return
        rps = (grant and grant.rate_limit_rps) or self.limit.rps
        burst = (grant and grant.rate_limit_burst) or self.limit.burst
        bucket = self._bucket(f"key {grant.label}" if grant else _neighbours(address), rps)
        if bucket.debt + 1 > burst:
            raise _refusal((bucket.debt + 1 - burst) / rps, grant if own else None, rps, burst)
        bucket.debt += 1

    def _bucket(self, name: str, rps: float) -> _Bucket:
        """Settled until now at the pace that held so far; from now on it is `rps`."""
        now = self._clock.monotonic()
        if now - self._swept >= max(self.limit.cleanup_secs, _BETWEEN_SWEEPS):
            self._sweep(now)
        bucket = self._buckets.pop(name, None)
        if bucket is None:
            self._make_room(now)
            bucket = _Bucket(0.0, now, rps)
        bucket.settle(now)
        bucket.rps = rps
        self._buckets[name] = bucket
        return bucket

    def _make_room(self, now: float) -> None:
        if len(self._buckets) < self._clients:
            return
        if now - self._swept >= _BETWEEN_SWEEPS:
            self._sweep(now)
        if len(self._buckets) >= self._clients:  # nobody is full again: who was silent longest is nearest to it
            del self._buckets[next(iter(self._buckets))]

    def _sweep(self, now: float) -> None:
        self._swept = now
        self._buckets = {name: bucket for name, bucket in self._buckets.items() if bucket.settle(now) > 0}


def _neighbours(address: str) -> str:
    """Whoever has one address of IPv6 has all of its /64."""
    parsed = client.parsed(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def _refusal(wait: float, grant: Grant | None, rps: float, burst: int) -> Problem:
    seconds = min(max(math.ceil(wait), 1), _LONGEST_WAIT)
    whose = f"of the key '{grant.label}'" if grant else "server.rate_limit_rps, server.rate_limit_burst"
    detail = f"Too many requests: {rps:g} a second, and {burst} at once after a silence, are the limit ({whose})"
    return Problem(Kind.RATE_LIMITED, detail, headers={"Retry-After": str(seconds)})
