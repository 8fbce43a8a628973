"""The table of many seeds, for docs/chaos.md."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

_HEADS = {
    "exchanges": "exchange",
    "ends": "how an exchange ended",
    "disturbances": "disturbance",
    "end": "end of the server",
    "seen": "seen",
}


def table(results: Path) -> Iterator[str]:
    """Lines of Markdown: how many seeds passed, how long they took, and how often each thing was done."""
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    seconds = sorted(row["seconds"] for row in rows)
    passed = sum(row["passed"] for row in rows)
    yield "| seeds | passed | seconds: median | longest | together |"
    yield "|---|---|---|---|---|"
    times = (f"{median(seconds):.1f}", f"{seconds[-1]:.1f}", f"{sum(seconds):,.0f}")
    cells = (f"{len(rows):,}", f"{passed:,}", *times)
    yield "| " + " | ".join(cells) + " |"
    for name, head in _HEADS.items():
        counted: Counter[str] = Counter()
        for row in rows:
            counted.update(row["done"][name])
        yield ""
        yield f"| {head} | times |"
        yield "|---|---|"
        yield from (f"| {what} | {count:,} |" for what, count in counted.most_common())
