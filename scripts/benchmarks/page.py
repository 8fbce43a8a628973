"""docs/performance.md, made of docs/performance.json and of the words in performance.in.md."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from figures import CLINVK, number

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "performance.json"
PAGE = ROOT / "docs" / "performance.md"
_WORDS = Path(__file__).with_name("performance.in.md")
_AS_GOOD = 1.01
"""Sides that are nearer to each other are as good."""
_QUIET_SPIN, _QUIET_STEAL, _QUIET_LOAD = 15, 2, 1
"""Percent between the quartiles of the loop, percent of steal, and load before the run, at most."""
_NOISY = " **So the machine had other work to do meanwhile: times are too long, and CPU is nearer to the truth.**"
_BAR = 32
_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDTH = 26

Json = Mapping[str, Any]


def rendered(found: Json) -> str:
    """The whole page."""
    text = _WORDS.read_text("utf-8")
    parts = {
        "made": made(found["made"]),
        "noise": noise(found["noise"]),
        "goals": goals(found),
        "losses": losses(found),
    }
    parts["skipped"] = skipped(found)
    for what in ("overhead", "first-token", "deltas", "sessions", "footprint"):
        parts[what] = blocks(found, what)
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text


def made(told: Json) -> str:
    """What was measured with, and on, as a table."""
    libraries = ", ".join(f"{name} {version}" for name, version in told["libraries"].items())
    size = {"default": "of the usual size", "quick": "a short one (`--quick`): a placeholder"}.get(
        told["size"], told["size"]
    )
    compiler = told["compiler"] or "none: instant.py takes the place of instant.c, and starts slower"
    rows = {
        "run": f"{told['at']}, {size}, {told['seconds']} s, at commit {told['commit']}",
        "machine": f"{told['cores']} cores, {told['processor']}, Linux {told['kernel']}",
        "clinvk": f"{told['clinvk']}, Python {told['python']}, {libraries}",
        "compiler": compiler,
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def noise(told: Json) -> str:
    """How quiet the machine was."""
    spun = told["spin_ms"]
    wide = 100 * (spun["high"] - spun["low"]) / spun["median"]
    noisy = wide > _QUIET_SPIN or told["steal_percent"] > _QUIET_STEAL or told["load_before"] > _QUIET_LOAD
    return (
        f"The hypervisor took {number(told['steal_percent'])} % of the time away (steal). The load was "
        f"{told['load_before']} before and {told['load_after']} after. A fixed loop of Python took "
        f"{number(spun['median'])} ms, its quartiles {wide:.0f} % apart, its worst {number(spun['worst'])} ms."
        + (_NOISY if noisy else "")
    )


def goals(found: Json) -> str:
    """Every goal, and whether it is met."""
    table = ["| | goal | measured | |", "|---|---|---|---|"]
    judged = [(row, verdict) for row in found["rows"] for verdict in row["verdicts"]]
    for row, verdict in judged:
        name = row["name"] if verdict["side"] == CLINVK else f"{row['name']} ({verdict['side']})"
        met = "met" if verdict["met"] else "**lost**"
        table.append(f"| {name} | {verdict['goal']} | {spread(verdict['value'])} | {met} |")
    met = sum(verdict["met"] for _, verdict in judged)
    return "\n".join([f"{met} of {len(judged)} goals are met.", "", *table])


def losses(found: Json) -> str:
    """Rows in which another side of the same run did better, by how much."""
    told = list(_losses(found))
    if not told:
        return "In no row did another side of the same run do better."
    return "\n".join(["| | clinvk | better | by |", "|---|---|---|---|", *told])


def _losses(found: Json) -> Iterator[str]:
    for row in found["rows"]:
        sides, lower = row["sides"], row["better"] == "lower"
        ours = sides.get(CLINVK, {}).get("median")
        for name, side in sides.items() if ours and _has_rivals(row) else ():
            theirs = side["median"]
            if not _is_rival(name) or not theirs or (theirs >= ours if lower else theirs <= ours):
                continue
            factor = ours / theirs if lower else theirs / ours
            there = f"{name}: {number(theirs)} {row['unit']}"
            if factor >= _AS_GOOD:
                yield f"| {row['name']} | {number(ours)} {row['unit']} | {there} | {number(factor)} × |"


def _has_rivals(row: Json) -> bool:
    return any(_is_rival(name) for name in row["sides"])


def _is_rival(side: str) -> bool:
    """Other sides are clinvk too, or part of its own figure."""
    return not side.startswith(CLINVK) and side not in {"PSS", "of that, computing"}


def skipped(found: Json) -> str:
    told = [f"- {one['what']}: {one['why']}" for one in found["skipped"]]
    return "\n".join(told) if told else "Nothing was skipped."


def blocks(found: Json, what: str) -> str:
    """The rows of one measurement, with bars."""
    rows = [row for row in found["rows"] if row["what"] == what]
    if not rows:
        return "Not measured in this run."
    told = "\n\n".join("\n".join(lines(row)) for row in rows)
    return f"```text\n{told}\n```"


def lines(row: Json) -> Iterator[str]:
    """A row as text; of what was skipped, why."""
    if "why" in row:
        yield f"{row['what']}: not measured, {row['why']}"
        return
    better = "less is better" if row["better"] == "lower" else "more is better"
    yield f"{row['name']} ({row['unit']}, {better})"
    most = max((side["median"] for side in row["sides"].values()), default=0)
    for name, side in row["sides"].items():
        yield f"  {name:<{_WIDTH}}{bar(side['median'], most):<{_BAR + 1}} {spread(side)}"
    for name, starts in row.get("began", {}).items():
        yield f"  {name} began {', '.join(f'{start} {count:,} times' for start, count in sorted(starts.items()))}"
    for verdict in row["verdicts"]:
        ours = "" if verdict["side"] == CLINVK else f" ({verdict['side']})"
        met = "met" if verdict["met"] else "LOST"
        yield f"  {met}{ours}: {verdict['goal']}; {spread(verdict['value'])}"


def bar(value: float, most: float) -> str:
    """As long as the value's share of the greatest of its row."""
    eighths = round(8 * _BAR * value / most) if most > 0 else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).strip()


def spread(told: Json) -> str:
    """The median, and the quartiles where there was more than one round."""
    if told["rounds"] == 1:
        return number(told["median"])
    return f"{number(told['median'])} ({number(told['low'])} to {number(told['high'])})"
