"""How fast is it? Each thing is measured beside another way to do the same, in turns, in one run."""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import deltas
import first_token
import footprint
import machine
import overhead
import page
import programs
import results
import sessions
from asking import NoToken
from drivers import NoAnswer
from figures import Row, Skipped
from plan import DEFAULT, LEAST, QUICK, Plan
from programs import Program
from server import NotServed

Measure = Callable[[Plan, Path, Program, str | None], Iterator[Row | Skipped]]

PUBLISHED: Mapping[str, Measure] = {
    overhead.WHAT: overhead.measure,
    first_token.WHAT: first_token.measure,
    deltas.WHAT: deltas.measure,
    sessions.WHAT: sessions.measure,
    footprint.WHAT: footprint.measure,
}
PARTS = ("validation", "bodies", "store", "console")
"""Of single parts, for those who work on them: printed, never published."""


def main() -> int:
    """0; 1 where a measurement failed."""
    options = _options()
    if options.page:
        sys.stdout.write(page.rendered(json.loads(Path(options.page).read_text("utf-8"))))
        return 0
    for name in options.what:
        if name in PARTS:
            _part(name)
    wanted = [name for name in PUBLISHED if name in options.what or not options.what]
    if not wanted:
        return 0
    plan = QUICK if options.quick else LEAST if options.least else DEFAULT
    found, failed = _measured(wanted, plan, options.peer)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if options.json:
        Path(options.json).write_text(text, "utf-8")
    if options.write:
        page.RESULTS.write_text(text, "utf-8")
        page.PAGE.write_text(page.rendered(found), "utf-8")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    known = f"{', '.join(PUBLISHED)} (all of these); of single parts: {', '.join(PARTS)}"
    parser.add_argument("what", nargs="*", metavar="WHAT", help=known)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a minute and a half")
    parser.add_argument("--least", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    parser.add_argument("--write", action="store_true", help="write docs/performance.json and docs/performance.md")
    parser.add_argument(
        "--peer", metavar="URL", help="measure the server with this base URL of OpenAI's API beside"
    )
    parser.add_argument("--page", metavar="FILE", help="measure nothing: print the page that these results make")
    options = parser.parse_args()
    if unknown := [name for name in options.what if name not in (*PUBLISHED, *PARTS)]:
        parser.error(f"no measurement {', '.join(unknown)}; there are {known}")
    if options.write and options.what:
        parser.error("--write publishes one run of all measurements: leave WHAT out")
    return options


def _measured(wanted: list[str], plan: Plan, peer: str | None) -> tuple[dict[str, Any], bool]:
    """The results, and whether a measurement failed. Rows are printed as they come."""
    began, noise, failed = time.monotonic(), machine.Noise(), False
    found: list[Row | Skipped] = []
    with tempfile.TemporaryDirectory(prefix="clinvk-bench-") as folder:
        program = programs.instant(Path(folder))
        for name in wanted:
            print(f"== {name}", flush=True)
            at = time.monotonic()
            try:
                for one in PUBLISHED[name](plan, Path(folder), program, peer):
                    found.append(one)
                    print("\n".join(page.lines(results.of(one))), flush=True)
            except (NotServed, NoToken, NoAnswer, OSError) as error:
                traceback.print_exc()
                failed = True
                found.append(Skipped(name, f"it failed: {str(error).strip().splitlines()[-1:]}"))
            print(f"-- {name} took {time.monotonic() - at:.0f} s", flush=True)
            noise.look()
    made = machine.told(program.compiler, plan.size) | {"seconds": round(time.monotonic() - began)}
    return results.whole(made, noise.told(), found), failed


def _part(name: str) -> None:
    """Print a measurement of a single part."""
    measurements = __import__(name).measurements
    print(f"== {name}")
    for measured in measurements():
        print(measured, flush=True)


if __name__ == "__main__":
    sys.exit(main())
