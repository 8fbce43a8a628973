"""What a whole request costs beyond its program, which answers at once: nothing else is waited for."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import peers
from figures import CLINVK, EPHEMERAL, NO_POOL, PEER, Row, Skipped
from goals import BARE, STRIPPED, row
from plan import Plan
from programs import Program
from server import Clinvk, Script, Started, has_pool, run

WHAT = "overhead"
_KINDS = {
    "latency": ("whole request", "milliseconds", "ms", "lower"),
    "rate": ("answers", "rate", "answers/s", "higher"),
    "cpu": ("CPU of the server's process a request", "cpu", "ms", "lower"),
}


def measure(plan: Plan, folder: Path, program: Program, peer: str | None) -> Iterator[Row | Skipped]:
    with ExitStack() as running:
        sides: dict[str, Mapping[str, object]] = {}
        served = Clinvk(folder / "overhead", program)
        ours = [served]
        sides[CLINVK] = _asking(running, served, "/api/v1/prompt")
        sides[EPHEMERAL] = _asking(running, served, "/api/v1/prompt", ephemeral=True)
        if has_pool():
            alone = Clinvk(folder / "overhead-alone", program, pool=False)
            ours.append(alone)
            sides[NO_POOL] = _asking(running, alone, "/api/v1/prompt")
        else:
            yield Skipped(WHAT, "this clinvk has no pool: every run starts a process of its own")
        stripped = Script("stripped.py", folder / "stripped", json.dumps(program.argv))
        sides[STRIPPED] = _asking(running, stripped, "/prompt")
        if peer:
            sides[PEER] = peers.request(peer, "hello", stream=False)
        for at_once in plan.at_once:
            yield from _rows(plan, at_once, sides, program, ours)


def _asking(running: ExitStack, served: Started, path: str, **more: object) -> Mapping[str, object]:
    running.callback(served.end)
    body = json.dumps({"backend": "demo", "prompt": "hello", **more})
    return {"port": served.port, "path": path, "body": body, "pid": served.pid}


def _rows(
    plan: Plan, at_once: int, sides: Mapping[str, Mapping[str, object]], program: Program, ours: Sequence[Started]
) -> Iterator[Row]:
    """All sides in turns; every other round the other way round. What ours have to tidy up burdens nobody."""
    rounds: dict[str, list[Any]] = {name: [] for name in (*sides, BARE)}
    load = {"at_once": at_once, "seconds": plan.overhead_seconds}
    for number in range(plan.overhead_rounds):
        for name in list(rounds) if number % 2 else reversed(rounds):
            if name == BARE:
                rounds[name].append(run("bare.py", {"argv": program.argv, **load}))
            else:
                rounds[name].append(run("load.py", {**sides[name], **load}))
            for server in ours:
                server.quiet()
    for kind, (what, field, unit, better) in _KINDS.items():
        values = {
            name: [one[field] for one in each if one[field] is not None]
            for name, each in rounds.items()
            if kind != "cpu" or name != BARE
        }
        found = row(f"{WHAT}.{at_once}.{kind}", f"{what}, {at_once} at once", unit, values, better)
        yield replace(found, began=_began(rounds)) if kind == "latency" else found


def _began(rounds: Mapping[str, list[Any]]) -> dict[str, dict[str, int]]:
    """How the runs of each side began, if its server tells."""
    told = {name: Counter[str]() for name in rounds}
    for name, each in rounds.items():
        for one in each:
            told[name].update(one.get("starts", {}))
    return {name: dict(starts) for name, starts in told.items() if starts}
