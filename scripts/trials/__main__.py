"""Trials of every end and every fault, and the table of docs/reliability.md. See scripts/reliability."""

import argparse
import json
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import clis
import faults
import machine
import page
import results
import runs
import servers
import surroundings
from server import Unexpected
from trial import Place, Row, Trial

ROWS = [*servers.ROWS, *runs.ROWS, *faults.ROWS, *surroundings.ROWS, *clis.ROWS]


def tried(row: Row, trials: int) -> list[Trial]:
    """So many trials of a row; a trial that does not get to its end is tried no more."""
    found: list[Trial] = []
    if row.shared:
        with Place(row.settings) as place:
            server = place.start(**row.how)
            for _ in range(trials):
                found.append(row.shared(server))
                server.settle()
        return found
    assert row.alone
    with Place(row.settings) as place:
        found += [row.alone(place) for _ in range(trials)]
    return found


def work(row: Row, asked: argparse.Namespace) -> bool:
    """Try a row and write down what came of it; whether it went as it should."""
    if why := row.needs():
        print(f"{row.id}: skipped, {why}", flush=True)
        return True
    began = time.monotonic()
    try:
        found = tried(row, asked.trials or row.trials)
    except (Unexpected, OSError, HTTPException, AssertionError, LookupError, StopIteration):
        print(f"{row.id}: FAILED\n{traceback.format_exc()}", flush=True)
        return False
    told = results.of(row, found, time.monotonic() - began)
    print(json.dumps(told) if asked.json else results.line(told), flush=True)
    if asked.write:
        results.put(told, machine.told())
    return not told["left"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/reliability", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows, or the beginnings of their names (all)")
    parser.add_argument("--list", action="store_true", help="list the rows, and try none")
    parser.add_argument("--trials", type=int, help="how many of each (100, and 20 with real CLIs)")
    parser.add_argument("--jobs", type=int, default=1, help="how many rows at a time (1)")
    parser.add_argument("--write", action="store_true", help="write what comes of it to docs/reliability.*")
    parser.add_argument("--missing", action="store_true", help="only those that are not there yet")
    parser.add_argument("--json", action="store_true", help="print what comes of it as JSON, a line a row")
    parser.add_argument("--page", type=Path, metavar="FILE", help="print the page that these results make")
    asked = parser.parse_args()
    if asked.page:
        sys.stdout.write(page.rendered(results.read(asked.page), ROWS))
        return 0
    rows = [row for row in ROWS if not asked.rows or any(row.id.startswith(name) for name in asked.rows)]
    if asked.missing:
        known = {told["id"] for told in results.read(results.RESULTS)["rows"]}
        rows = [row for row in rows if row.id not in known]
    if not rows and not asked.missing:
        parser.error(f"no row {' '.join(asked.rows)}; there are {', '.join(row.id for row in ROWS)}")
    if asked.list:
        print("\n".join(f"{row.id:<26}{row.name}" for row in rows))
        return 0
    with ThreadPoolExecutor(asked.jobs) as workers:
        went_well = list(workers.map(lambda row: work(row, asked), rows))
    if asked.write:
        page.PAGE.write_text(page.rendered(results.read(results.RESULTS), ROWS), "utf-8")
    return 0 if all(went_well) else 1


sys.exit(main())
