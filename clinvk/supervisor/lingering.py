"""What runs left on purpose: children that are kept aside with all that is below them, for a while.

Such a child is lent to nobody and has no slot. It is still a child like any other: its processes are charged to
it, and it ends by the ladder, with all of them.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from clinvk.backends.base import Backend
from clinvk.clock import Clock
from clinvk.supervisor import leavings
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.lease import Kept, Lease
from clinvk.supervisor.limits import LingerLimits

_log = logging.getLogger("clinvk.linger")


@dataclass(eq=False, slots=True)
class _Stay:
    """What one run left. Times are those of the loop, `ahead` is how far the wall's are."""

    run_id: str
    kept: Kept
    began: float
    until: float
    ahead: float
    gone: "asyncio.Future[None]"
    is_aside: bool = False
    """Whether it is known that something was left; until then its child is looked after as any other."""
    is_over: bool = False
    """Whether it ends, or is to end as soon as its child is looked after."""
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class Lingering:
    """Who lingers, the longest first: from the end of the run until the last process is gone."""

    def __init__(self, descendants: Descendants, limits: LingerLimits, clock: Clock) -> None:
        self.retire: Callable[[Kept], None] = lambda _: None
        """Ends a child that lingers: its owner's part."""
        self._descendants = descendants
        self._limits = limits
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._stays: dict[str, _Stay] = {}
        self._closing = False

    def __len__(self) -> int:
        return len(self._stays)

    def __iter__(self) -> Iterator[Kept]:
        """Those that are kept aside, and do not end yet."""
        return iter([stay.kept for stay in self._aside()])

    def __contains__(self, kept: object) -> bool:
        return any(stay.kept is kept for stay in self._aside())

    def of(self, run_id: str) -> Kept | None:
        """The child of that run, while something of it lingers."""
        stay = self._stays.get(run_id)
        return stay.kept if stay else None

    def until(self, run_id: str) -> float | None:
        """When it ends at the latest, in seconds since the epoch."""
        stay = self._stays.get(run_id)
        return stay.until + stay.ahead if stay else None

    def gone(self, run_id: str) -> "asyncio.Future[None] | None":
        """Done when nothing is left of it, or its child has gone on to another turn. Not to be cancelled."""
        stay = self._stays.get(run_id)
        return stay.gone if stay else None

    def begin(self, lease: Lease) -> bool:
        """The turn is over: whether what it may have left was asked to linger, and may."""
        secs = min(lease.spec.linger_secs or 0.0, self._limits.secs)
        if secs <= 0 or self._closing:
            return False
        now = self._loop.time()
        ahead = self._clock.wall() - now
        stay = _Stay(lease.turn, lease.kept, now, now + secs, ahead, self._loop.create_future())
        self._stays[stay.run_id] = stay
        return True

    def settle(self, kept: Kept) -> bool:
        """Its child was looked after. Whether something was left, so that it is kept aside from now on."""
        stay = self._find(kept)
        if stay is None:
            return False
        if stay.is_over or self._closing or not kept.child.is_heard or not self._has_left(kept):
            stay.is_over = True
            return False
        stay.is_aside = True
        kept.idle_since = self._loop.time()
        self._wind(stay)
        _log.info("what %s left may live on for %.0f s", stay.run_id, stay.until - self._loop.time())
        self._make_room()
        return True

    def end(self, run_id: str) -> bool:
        """End what that run left. Whether there was any that did not end yet."""
        stay = self._stays.get(run_id)
        if stay is None or stay.is_over:
            return False
        self._end(stay, "was told to")
        return True

    def ends(self, kept: Kept) -> None:
        """Its child is being ended, for whatever reason."""
        stay = self._find(kept)
        if stay:
            stay.is_over = True
            stay.until = min(stay.until, self._loop.time())
            _stop(stay)

    def leave(self, kept: Kept) -> None:
        """Its child is gone, or serves others."""
        stay = self._find(kept)
        if stay:
            _stop(stay)
            del self._stays[stay.run_id]
            stay.gone.set_result(None)

    def recall(self, backend: Backend, conversation: str) -> Kept | None:
        """The child that has that conversation: it lingers no more, for its next turn has come, or its end."""
        for kept in self:
            if (kept.backend.name, kept.conversation) == (backend.name, conversation):
                self.leave(kept)
                return kept
        return None

    def adjust(self, limits: LingerLimits) -> None:
        """Let these hold from now on, for those that linger too."""
        self._limits = limits
        for stay in self._stays.values():
            if not stay.is_over:
                stay.until = min(stay.until, stay.began + limits.secs)
        for stay in self._aside():
            self._wind(stay)
        self._make_room()

    def look_after(self, *, is_short: bool) -> None:
        """End those whose processes have ended by themselves; where memory `is_short`, all."""
        for stay in self._aside():
            if is_short:
                self._end(stay, "memory is short")
            elif not self._has_left(stay.kept):
                self._end(stay, "nothing is left of it")

    def close(self) -> None:
        """Nothing lingers any more, from now on."""
        self._closing = True
        for stay in list(self._stays.values()):
            self._end(stay, "the server ends")

    def _aside(self) -> list[_Stay]:
        return [stay for stay in self._stays.values() if stay.is_aside and not stay.is_over]

    def _find(self, kept: Kept) -> _Stay | None:
        return next((stay for stay in self._stays.values() if stay.kept is kept), None)

    def _has_left(self, kept: Kept) -> bool:
        try:
            return leavings.has_left(kept, self._descendants)
        except OSError:  # out of descriptors: the next look will do, and its time is bounded
            return kept in self

    def _make_room(self) -> None:
        """End the longest-lingering until there are no more than may be."""
        aside = self._aside()
        for stay in aside[: max(0, len(aside) - self._limits.runs)]:
            self._end(stay, "there are too many")

    def _wind(self, stay: _Stay) -> None:
        """Have it end when its time is up."""
        _stop(stay)
        stay.timer = self._loop.call_at(stay.until, self._end, stay, "its time is up")

    def _end(self, stay: _Stay, why: str) -> None:
        if stay.is_over:
            return
        if stay.is_aside:
            _log.info("what %s left ends: %s", stay.run_id, why)
            self.retire(stay.kept)
        stay.is_over = True


def _stop(stay: _Stay) -> None:
    if stay.timer:
        stay.timer.cancel()
        stay.timer = None
