"""Flat, or not: medians of the last third against those of the third before, and the quiet after against before.

The first third is left out: rings of what is kept fill up, and threads of pools are started. A median does not
mind what a moment of load looked like.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from sampling import Sample

MB = 1 << 20
LONG_SECS = 300.0
"""From there on memory is judged: before, rings of what is kept are not full yet."""


@dataclass(frozen=True)
class Bound:
    """How much more the last third may have than the one before: a share of that, and an amount. `after` is what
    the quiet server may have more than before the load; None where it may keep what it has learnt.
    """

    share: float
    amount: float
    after: float | None


BOUNDS = {
    "memory": Bound(0.03, 2 * MB, None),
    "descriptors": Bound(0.1, 6, 8),
    "threads": Bound(0.0, 2, 8),
    "children": Bound(0.25, 4, 0),
    "series": Bound(0.02, 12, None),
}


@dataclass(frozen=True)
class Table:
    """What was measured, and done."""

    before: Sample
    samples: list[Sample]
    after: Sample
    done: Counter[str]
    surprises: Counter[str]
    seconds: float

    def thirds(self, name: str) -> tuple[float, float, float]:
        """The median of each."""
        values = [float(getattr(sample, name)) for sample in self.samples]
        size = len(values) // 3
        first, second, last = values[:size], values[size : 2 * size], values[2 * size :]
        return median(first), median(second), median(last)

    def lines(self) -> Iterator[str]:
        """For whoever reads it."""
        total = sum(self.done.values())
        rate = total / self.seconds
        yield f"{total} exchanges in {self.seconds:g} s, {rate:.1f} a second; {len(self.samples)} samples"
        yield "  " + ", ".join(f"{name} {count}" for name, count in sorted(self.done.items()))
        heads = ("", "before", "1st third", "2nd third", "last third", "most", "after")
        yield "".join(f"{head:>14}" for head in heads)
        for name in BOUNDS:
            unit = MB if name == "memory" else 1
            most = max(getattr(sample, name) for sample in self.samples)
            cells = (getattr(self.before, name), *self.thirds(name), most, getattr(self.after, name))
            label = "memory, MiB" if name == "memory" else name
            yield f"{label:>14}" + "".join(f"{cell / unit:>14.1f}" for cell in cells)


def judge(table: Table) -> list[str]:
    """Everything that is not as it should be; nothing where the server is flat."""
    if len(table.samples) < 9:
        return [f"only {len(table.samples)} samples: too few to tell"]
    faults = [f"{count} times: {what}" for what, count in table.surprises.items()]
    for name, bound in BOUNDS.items():
        _, second, last = table.thirds(name)
        is_judged = name != "memory" or table.seconds >= LONG_SECS
        if is_judged and last > second * (1 + bound.share) + bound.amount:
            faults.append(f"{name} grew from {second:g} to {last:g}")
        before, after = getattr(table.before, name), getattr(table.after, name)
        if bound.after is not None and after > before + bound.after:
            faults.append(f"{name}: {before:g} before the load, {after:g} after it")
    return faults
