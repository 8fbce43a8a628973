"""docs/reliability.json: what came of the trials, a row at a time, so that a run can be gone on with."""

import fcntl
import json
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trial import Row, Trial

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "reliability.json"


def of(row: Row, found: Sequence[Trial], took: float) -> dict[str, Any]:
    """A row's trials as JSON: times in milliseconds, and each thing that was seen with how often it was."""
    times = [1000 * one.seconds for one in found if one.seconds is not None]
    return {
        "id": row.id,
        "trials": len(found),
        "left": sum(one.left for one in found),
        "p50_ms": round(statistics.median(times), 1) if times else None,
        "max_ms": round(max(times), 1) if times else None,
        "client": dict(Counter(one.client for one in found).most_common()),
        "kept": dict(Counter(one.kept for one in found).most_common()),
        "took_secs": round(took),
    }


def line(told: dict[str, Any]) -> str:
    """A row for a terminal."""
    seen = " | ".join(json.dumps(told[what], ensure_ascii=False) for what in ("client", "kept"))
    times = f"{told['p50_ms']} / {told['max_ms']} ms"
    return f"{told['id']}: {told['trials']} trials, {told['left']} left, {times}, {seen}"


def read(path: Path) -> dict[str, Any]:
    """All rows so far."""
    if not path.exists():
        return {"rows": []}
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def put(told: dict[str, Any], made: dict[str, Any]) -> None:
    """Write a row down, in the place of what was known of it; with the machine that it was tried on."""
    with RESULTS.parent.joinpath("reliability.md").open("rb") as lock:  # others may try other rows meanwhile
        fcntl.flock(lock, fcntl.LOCK_EX)
        _put(told, made)


def _put(told: dict[str, Any], made: dict[str, Any]) -> None:
    found = read(RESULTS)
    others = [row for row in found["rows"] if row["id"] != told["id"]]
    rows = sorted([*others, {**told, "made": made}], key=lambda row: str(row["id"]))
    new = RESULTS.with_suffix(".new")
    new.write_text(json.dumps({"rows": rows}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    new.replace(RESULTS)
