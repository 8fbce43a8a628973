"""One thing measured against another, in turns, so that both have the same machine."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5
SECONDS = 0.05
"""What a round of each takes at least."""


@dataclass(frozen=True)
class Measured:
    """A line of the table; seconds of one call, the best of all rounds."""

    what: str
    ours: float
    other: str
    theirs: float

    def __str__(self) -> str:
        ratio = self.theirs / self.ours
        told = f"{ratio:,.1f} times as fast" if ratio >= 1 else f"{1 / ratio:,.1f} times as slow"
        return f"{self.what:<52}{_told(self.ours)}   {self.other:<24}{_told(self.theirs)}   {told}"


def against(what: str, ours: Callable[[], object], other: str, theirs: Callable[[], object]) -> Measured:
    """Both, in turns."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for place, call in enumerate((ours, theirs)):
            best[place] = min(best[place], _once(call))
    return Measured(what, best[0], other, best[1])


def _once(call: Callable[[], object]) -> float:
    """Seconds of one call, over as many as fill a round."""
    gc.collect()
    calls, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < SECONDS or not calls:
        call()
        calls += 1
    return spent / calls


def _told(seconds: float) -> str:
    return f"{seconds * 1000:>10.3f} ms"
