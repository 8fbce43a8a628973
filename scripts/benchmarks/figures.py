"""What a measurement comes to: spreads, rows, and whether each goal is met."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

CLINVK = "clinvk"
NO_POOL = "clinvk, pool off"
EPHEMERAL = "clinvk, ephemeral"
PEER = "peer"


@dataclass(frozen=True)
class Spread:
    """What several rounds gave: their median, and the quartiles on both sides of it."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class Goal:
    """What is published as a promise. `than` names another side of the row: the bound is then what may be added to
    it or, with `share`, the share of it."""

    bound: float
    at_most: bool = True
    side: str = CLINVK
    than: str | None = None
    share: bool = False

    def words(self, unit: str) -> str:
        limit = "at most" if self.at_most else "at least"
        if self.than is None:
            return f"{limit} {number(self.bound)} {unit}"
        if self.share:
            return f"{limit} {number(self.bound)} × {self.than}"
        return f"{limit} {number(self.bound)} {unit} over {self.than}"

    def judged(self, rounds: Mapping[str, Sequence[float]], unit: str) -> "Verdict | None":
        """Whether it is met; None where a side that it speaks of was not measured."""
        ours = rounds.get(self.side)
        theirs = rounds.get(self.than) if self.than else None
        if not ours or (self.than and not theirs):
            return None
        value = spread(ours if theirs is None else self._against(ours, theirs))
        met = value.median <= self.bound if self.at_most else value.median >= self.bound
        return Verdict(self.side, self.words(unit), value, met)

    def _against(self, ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
        """Round by round, since what the machine did in a round it did to both."""
        pairs = zip(ours, theirs, strict=True)
        return [mine / other if self.share else mine - other for mine, other in pairs]


@dataclass(frozen=True)
class Verdict:
    """A goal in words, what was measured of it, and whether that is good enough."""

    side: str
    goal: str
    value: Spread
    met: bool


@dataclass(frozen=True)
class Row:
    """One thing measured of several sides in one run. `better` is "lower" or "higher"."""

    id: str
    name: str
    unit: str
    better: str
    sides: dict[str, Spread]
    verdicts: list[Verdict]
    began: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many runs of a side began cold, warm and live, where the server told."""

    @property
    def what(self) -> str:
        """The measurement that it belongs to."""
        return self.id.partition(".")[0]

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, **asdict(self)}


@dataclass(frozen=True)
class Skipped:
    """What could not be measured here, and which tool is missing."""

    what: str
    why: str


def spread(values: Sequence[float]) -> Spread:
    """Of at least one round."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high, len(values))


def percentile(ordered: Sequence[float], share: float) -> float:
    """Of values that are in order; 0.5 is the median."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def number(value: float) -> str:
    """For people: three digits that count."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    said = f"{value:.{digits}f}"
    return said.rstrip("0").rstrip(".") if "." in said else said
