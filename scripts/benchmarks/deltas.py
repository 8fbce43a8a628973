"""What a delta costs on its way from the program's pipe to the client's socket."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import peers
from figures import CLINVK, PEER, Row, Skipped
from goals import READER, row
from plan import Plan
from programs import Program
from server import Clinvk, NotServed, run

WHAT = "deltas"
RATE = 200
_MANY = 100
"""Streams that take longer to begin than to be measured: half the rounds."""
_ENOUGH = 100_000
"""Deltas of each stream: it is left before."""
_KINDS = {
    "p50": ("a delta on its way, median", "ms", "lower"),
    "p99": ("a delta on its way, p99", "ms", "lower"),
    "delivered": ("deltas that come", "deltas/s", "higher"),
    "cpu": ("CPU of the server's process for 1,000 deltas", "ms", "lower"),
}

Rounds = dict[str, list[Any]]
Side = Callable[[Mapping[str, object]], Any]


def measure(plan: Plan, folder: Path, program: Program, peer: str | None) -> Iterator[Row | Skipped]:
    served = Clinvk(folder / WHAT, program)
    try:
        sides = _sides(served, program)
        if peer:
            sides[PEER], missing = _peer(peer)
            if missing:
                del sides[PEER]
                yield missing
        for streams in plan.streams:
            yield from _rows(plan, streams, sides)
        yield from _flood(plan, sides)
    finally:
        served.end()
    for streams in plan.streams[1:2]:
        yield _holds(plan, streams, folder, program)


def _sides(served: Clinvk, program: Program) -> dict[str, Side]:
    def clinvk(spec: Mapping[str, object]) -> Any:
        body = {"backend": "demo", "ephemeral": True, "output_format": "stream-json", "prompt": spec["prompt"]}
        asked = {"port": served.port, "pid": served.pid, "path": "/api/v1/prompt", "body": json.dumps(body)}
        found = run("reader.py", {**spec, **asked})
        served.quiet()
        return found

    def bare(spec: Mapping[str, object]) -> Any:
        return run("reader.py", {**spec, "argv": program.argv})

    return {CLINVK: clinvk, READER: bare}


def _peer(url: str) -> tuple[Side, Skipped | None]:
    """The peer as a side; what is wrong with it, if its program does not write the time into what it says."""

    def peer(spec: Mapping[str, object]) -> Any:
        return run("reader.py", {**spec, **peers.request(url, str(spec["prompt"]), stream=True)})

    try:
        peer(_stamped(1, 0.1))
    except (OSError, NotServed) as error:
        return peer, Skipped(WHAT, f"the peer's streams cannot be measured: {str(error).splitlines()[-1]}")
    return peer, None


def _stamped(streams: int, seconds: float) -> Mapping[str, object]:
    return {"prompt": f"/stamp {RATE} {_ENOUGH}", "streams": streams, "seconds": seconds}


def _in_turns(rounds: int, sides: dict[str, Side], spec: Mapping[str, object]) -> Rounds:
    """All sides in turns; every other round the other way round."""
    found: Rounds = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides) if number % 2 else reversed(sides):
            found[name].append(sides[name](spec))
    return found


def _rows(plan: Plan, streams: int, sides: dict[str, Side]) -> Iterator[Row]:
    rounds = plan.delta_rounds if streams < _MANY else max(1, plan.delta_rounds // 2)
    found = _in_turns(rounds, sides, _stamped(streams, plan.delta_seconds))
    own = [round(one["client_cpu"], 1) for one in found[CLINVK]]
    print(f"  {streams} streams: the client itself computed {own} ms for 1,000 deltas", file=sys.stderr)
    for kind, (what, unit, better) in _KINDS.items():
        values = {name: [one[kind] for one in each if one[kind] is not None] for name, each in found.items()}
        name = f"{what}, {streams} × {RATE}/s"
        yield row(f"{WHAT}.{streams}.{kind}", name, unit, values, better)


def _flood(plan: Plan, sides: dict[str, Side]) -> Iterator[Row]:
    found = _in_turns(plan.delta_rounds, sides, {"prompt": f"/flood {plan.flood}", "flood": plan.flood})
    rates = {name: [one["rate"] for one in each] for name, each in found.items()}
    yield row(f"{WHAT}.flood.rate", "one unthrottled stream", "deltas/s", rates, "higher")
    cpu = {name: [one["cpu"] for one in each if one["cpu"] is not None] for name, each in found.items()}
    yield row(f"{WHAT}.flood.cpu", "CPU of the server's process for 1,000 of these", "ms", cpu)


def _holds(plan: Plan, streams: int, folder: Path, program: Program) -> Row:
    """On servers with a clock in their loop, which costs, and so none of the other figures are theirs."""
    passed, computed = list[float](), list[float]()
    for number in range(max(1, plan.delta_rounds // 2)):
        report = folder / f"holds-{number}.json"
        served = Clinvk(folder / f"holds-{number}", program, report=report)
        try:
            found = _sides(served, program)[CLINVK](_stamped(streams, plan.delta_seconds))
        finally:
            served.end()
        windows = range(int(found["began"] * 10), int(found["ended"] * 10) + 1)
        holds = [hold for window, hold in json.loads(report.read_text()).items() if int(window) in windows]
        if not holds:
            raise NotServed("the server stood still all the while that it was measured")
        passed.append(max(hold[0] for hold in holds) * 1000)
        computed.append(max(hold[1] for hold in holds) * 1000)
    name = f"longest hold of the loop, {streams} × {RATE}/s"
    return row(f"{WHAT}.{streams}.hold", name, "ms", {CLINVK: passed, "of that, computing": computed})
