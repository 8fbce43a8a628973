"""Counters, gauges and histograms that belong to one server: nothing of them is the process's own.

They are counted into on the loop's thread, without a lock. Whoever tells them takes a copy there, which is quick,
and does the rest where it likes.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]
"""The values of labels, in the order of their names."""
OTHER: Final = "other"
"""What stands for the values of labels beyond those that are told apart."""
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a metric. It tells `most` sets of labels apart: what comes then is one set, all `other`."""

    name: str
    told: str
    labels: Labels = ()
    most: int = MOST

    def bounded(self, labels: Labels, known: Mapping[Labels, object]) -> Labels:
        """`labels`, or what stands for them where there are too many."""
        assert len(labels) == len(self.labels), self.name
        return labels if labels in known or len(known) < self.most else (OTHER,) * len(labels)


@dataclass(slots=True)
class Counter:
    """Goes up only. Its name ends in `_total`."""

    about: About
    _values: dict[Labels, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.about.labels:
            self._values.setdefault((), 0.0)

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Count `amount`; what is below zero counts as nothing."""
        key = self.about.bounded(labels, self._values)
        self._values[key] = self._values.get(key, 0.0) + max(0.0, amount)

    def copy(self) -> Self:
        """As it is now."""
        return type(self)(self.about, dict(self._values))

    def family(self) -> Metric:
        """For Prometheus."""
        family = CounterMetricFamily(self.about.name, self.about.told, labels=self.about.labels)
        for labels, value in self._values.items():
            family.add_metric(labels, value)
        return family


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is so at one moment."""

    about: About
    values: Mapping[Labels, float]

    @classmethod
    def of(cls, name: str, told: str, value: float) -> Self:
        """One without labels."""
        return cls(About(name, told), {(): value})

    @classmethod
    def each(cls, name: str, told: str, label: str, values: Mapping[str, float]) -> Self:
        """One with a label, by its values."""
        return cls(About(name, told, (label,)), {(key,): value for key, value in values.items()})

    def family(self) -> Metric:
        """For Prometheus."""
        family = GaugeMetricFamily(self.about.name, self.about.told, labels=self.about.labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        return family


@dataclass(slots=True)
class _Spread:
    """How many values fell into each bucket, the last of which has no end; and their sum."""

    counts: list[int]
    total: float = 0.0


@dataclass(slots=True)
class Histogram:
    """How values are spread over buckets, each of which ends at one of `bounds`, that value included."""

    about: About
    bounds: Sequence[float]
    _values: dict[Labels, _Spread] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.about.labels and not self._values:
            self._values[()] = self._empty()

    def observe(self, value: float, *labels: str) -> None:
        """One more value."""
        key = self.about.bounded(labels, self._values)
        spread = self._values.get(key)
        if spread is None:
            spread = self._values[key] = self._empty()
        spread.counts[bisect_left(self.bounds, value)] += 1
        spread.total += value

    def copy(self) -> Self:
        """As it is now."""
        copied = {labels: _Spread(spread.counts[:], spread.total) for labels, spread in self._values.items()}
        return type(self)(self.about, self.bounds, copied)

    def family(self) -> Metric:
        """For Prometheus."""
        family = HistogramMetricFamily(self.about.name, self.about.told, labels=self.about.labels)
        names = [*map(_plain, self.bounds), "+Inf"]
        for labels, spread in self._values.items():
            below, buckets = 0, []
            for name, count in zip(names, spread.counts, strict=True):
                below += count
                buckets.append((name, float(below)))
            family.add_metric(labels, buckets, spread.total)
        return family

    def _empty(self) -> _Spread:
        return _Spread([0] * (len(self.bounds) + 1))


def _plain(bound: float) -> str:
    return str(float(bound))
