"""docs/reliability.md, made of docs/reliability.json and of the words in reliability.in.md."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trial import Row

from clinvk.backends.base import Rung
from clinvk.backends.claude.backend import ClaudeBackend
from clinvk.backends.codex.backend import CodexBackend
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.gemini.backend import GeminiBackend

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
_WORDS = Path(__file__).with_name("reliability.in.md")
_BACKENDS = (ClaudeBackend, CodexBackend, GeminiBackend, DemoBackend)
_HEAD = "| what ends or breaks | trials | left | gone in ms: p50, max | the client sees | is kept | row |"

Json = Mapping[str, Any]


def rendered(found: Json, rows: Sequence[Row]) -> str:
    """The whole page."""
    told = {one["id"]: one for one in found["rows"]}
    text = _WORDS.read_text("utf-8")
    parts = {
        "total": total(list(told.values())),
        "made": made(list(told.values())),
        "ladders": ladders(),
        "tables": "\n\n".join(tables(rows, told)),
        "missing": missing(rows, told),
    }
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text


def total(told: Sequence[Json]) -> str:
    """All rows in a sentence."""
    trials, left = sum(one["trials"] for one in told), sum(one["left"] for one in told)
    several = [one["id"] for one in told if len(one["client"]) > 1 or len(one["kept"]) > 1]
    alike = "In each row, all trials went alike." if not several else f"Not all went alike: {', '.join(several)}."
    return f"{len(told)} rows, {trials:,} trials, **{left} processes left**. {alike}"


def made(told: Sequence[Json]) -> str:
    """What it was tried on, as a table."""
    facts = [one["made"] for one in told]
    loads = [fact["load"] for fact in facts]
    machines = sorted({f"{fact['cores']} cores, {fact['processor']}, Linux {fact['kernel']}" for fact in facts})
    seconds = sum(one["took_secs"] for one in told)
    rows = {
        "run": f"{', '.join(sorted({fact['at'] for fact in facts}))}, {seconds} s of trials",
        "commits": ", ".join(sorted({str(fact["commit"]) for fact in facts})),
        "machine": "; ".join(machines),
        "Python": ", ".join(sorted({fact["python"] for fact in facts})),
        "load meanwhile": f"{min(loads, default=0)} to {max(loads, default=0)}",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def ladders() -> str:
    """What each backend's CLI is given until KILL, at most."""
    table = ["| CLI | a run that is stopped | KILL after | a process whose turn is over | KILL after |"]
    table.append("|---|---|---|---|---|")
    for backend in _BACKENDS:
        traits = backend.traits
        table.append(f"| {backend.name} | {steps(traits.stop)} | {steps(traits.retire)} |")
    return "\n".join(table)


def steps(rungs: Iterable[Rung]) -> str:
    told = ", ".join(f"{rung.step.value} {rung.grace:g} s" for rung in rungs)
    return f"{told} | {sum(rung.grace for rung in rungs):.3g} s"


def tables(rows: Sequence[Row], told: Mapping[str, Json]) -> Iterator[str]:
    """A heading and a table for each part, in the order of its rows."""
    for part in dict.fromkeys(row.part for row in rows):
        lines = [line(row, told[row.id]) for row in rows if row.part == part and row.id in told]
        if lines:
            yield "\n".join(
                [f"### {part[0].upper()}{part[1:]}", "", _HEAD, "|---|---|---|---|---|---|---|", *lines]
            )


def line(row: Row, told: Json) -> str:
    """A row of a table."""
    gone = "–" if told["p50_ms"] is None else f"{milliseconds(told['p50_ms'])}, {milliseconds(told['max_ms'])}"
    what = f"**{row.name}**: {row.does}".replace("|", "\\|")
    seen = (told["trials"], told["left"], gone, alike(told["client"]), alike(told["kept"]))
    return f"| {what} | {' | '.join(map(str, seen))} | `{row.id}` |".replace("\n", " ")


def alike(seen: Mapping[str, int]) -> str:
    """What was seen; with how often, where it was not always the same."""
    if len(seen) == 1:
        return next(iter(seen))
    return "; ".join(f"{count} times: {what}" for what, count in seen.items())


def milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def missing(rows: Sequence[Row], told: Mapping[str, Json]) -> str:
    """Rows that were not tried."""
    lines = [f"- `{row.id}` ({row.name}): {row.needs() or 'not yet'}" for row in rows if row.id not in told]
    return "\n".join(lines) if lines else "Every row was tried."
