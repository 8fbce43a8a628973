"""The clocks of a run: first output, idle, total. They stand still while the server does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clinvk.clock import Clock

_BEAT: Final = 0.5
_GAP: Final = 2.0  # a longer silence of the loop was a suspension, not a wait


class AttendedTime:
    """Seconds during which the server was awake: a suspended one must not wake to find its runs overdue."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = clock.monotonic()
        self._lost = 0.0

    def now(self) -> float:
        """Monotonic seconds less the time that the loop stood still."""
        seen = self._clock.monotonic()
        if seen - self._seen > _GAP:
            self._lost += seen - self._seen - _BEAT
        self._seen = seen
        return seen - self._lost

    async def beat(self) -> None:
        """Look at the clock often enough that a gap means a suspension. Runs until cancelled."""
        while True:
            self.now()
            await asyncio.sleep(_BEAT)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds a run may take, each None for ever: until its first output, between outputs, in all."""

    first_output: float | None
    idle: float | None
    total: float | None


class Deadlines:
    """Watches one run from its admission on; calls `strike(sentence)` once, naming the clock that struck."""

    def __init__(self, time: AttendedTime, patience: Patience, strike: Callable[[str], None]) -> None:
        self._time = time
        self._patience = patience
        self._strike = strike
        self._began = self._heard = time.now()
        self._first_seen = False
        self._timer: asyncio.TimerHandle | None = None
        self._arm()

    def heard(self, substance: bool) -> None:
        """The child said something; `substance` is what the first-output clock waits for."""
        self._heard = self._time.now()
        if substance and not self._first_seen:
            self._first_seen = True
            self._arm()

    def cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> list[tuple[float, str]]:
        patience = self._patience
        due = []
        if patience.total is not None:
            due.append(
                (self._began + patience.total, f"The run took longer than its total of {patience.total:g} s")
            )
        if patience.first_output is not None and not self._first_seen:
            late = f"No first output within {patience.first_output:g} s (first-output timeout)"
            due.append((self._began + patience.first_output, late))
        if patience.idle is not None and self._first_seen:
            due.append((self._heard + patience.idle, f"No output for {patience.idle:g} s (idle timeout)"))
        return due

    def _arm(self) -> None:
        self.cancel()
        due = self._due()
        if due:
            wait = min(due)[0] - self._time.now()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._look)

    def _look(self) -> None:
        when, sentence = min(self._due())
        if when <= self._time.now():
            self._timer = None
            self._strike(sentence)
        else:  # heard something since, or was suspended
            self._arm()
