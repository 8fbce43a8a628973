"""Chaos by seeds: see scripts/chaos and docs/chaos.md."""

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from plan import plan
from seed import Result, carry_out
from summing import table


def main() -> int:
    asked = _asked()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and what was started is ended
    if asked.table:
        print("\n".join(table(asked.table)))
        return 0
    if asked.plan:
        for seed in asked.seeds:
            print(json.dumps(plan(seed).told(), indent=1))
        return 0
    known = {json.loads(line)["seed"] for line in _lines(asked.results)}
    failed = 0
    for seed in asked.seeds:
        if seed in known:
            continue
        result = carry_out(seed)
        failed += bool(result.faults)
        _tell(result, verbose=asked.verbose)
        if asked.results:
            with asked.results.open("a") as file:
                file.write(json.dumps(result.line(), separators=(",", ":")) + "\n")
    print(f"verdict: {f'{failed} seeds failed' if failed else 'passed'}")
    return 1 if failed else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("seed", nargs="?", help="one seed")
    parser.add_argument("--seeds", dest="many", help="many, such as 1-1000")
    parser.add_argument("--shard", default="1/1", help="of these every Nth, from the Kth on: K/N (1/1)")
    parser.add_argument("--results", type=Path, help="a file for a line each; what stands there is not done again")
    parser.add_argument("--plan", action="store_true", help="print what would be done, and do nothing")
    parser.add_argument("--verbose", action="store_true", help="tell what was done when, and the server's log")
    parser.add_argument("--table", type=Path, metavar="FILE", help="print what such a file of results comes to")
    asked = parser.parse_args()
    if asked.table:
        return asked
    if bool(asked.seed) == bool(asked.many):
        parser.error("one seed, or --seeds")
    first, _, last = (asked.seed or asked.many).partition("-")
    shard, _, shards = asked.shard.partition("/")
    asked.seeds = list(range(int(first), int(last or first) + 1))[int(shard) - 1 :: int(shards)]
    return asked


def _lines(results: Path | None) -> Iterator[str]:
    if results and results.exists():
        yield from results.read_text().splitlines()


def _tell(result: Result, *, verbose: bool) -> None:
    verdict = "FAILED" if result.faults else "passed"
    exchanges = sum(result.done["exchanges"].values())
    print(f"seed {result.seed}: {verdict} in {result.seconds:.1f} s, {exchanges} exchanges", flush=True)
    for fault in result.faults:
        print(f"  {fault}", flush=True)
    if verbose or result.faults:
        for line in result.log:
            print(f"    {line}", flush=True)


sys.exit(main())
