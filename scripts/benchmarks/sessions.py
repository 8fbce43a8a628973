"""Sessions, when a hundred are kept and when a hundred thousand are: to begin one, and to list a page of fifty."""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from figures import CLINVK, EPHEMERAL, Row
from goals import STRIPPED, row
from plan import Plan
from programs import Program
from server import Clinvk, Script, has_pool, run
from store import add_all, session

from clinvk.store.database import Database

WHAT = "sessions"
_AT_ONCE = 1000
_PROMPT = {"backend": "demo", "prompt": "hello"}

Rounds = dict[str, list[Any]]


def measure(plan: Plan, folder: Path, program: Program, _: str | None) -> Iterator[Row]:
    for kept in plan.kept:
        with ExitStack() as running:
            home = folder / f"sessions-{kept}"
            filled(home / "clinvk", kept)
            served = Clinvk(home, program, pool=False if has_pool() else None)
            running.callback(served.end)
            views = served.ask("GET", "/api/v1/sessions?limit=50")["sessions"]
            table = rival(folder / f"rival-{kept}.db", kept, views)
            stripped = Script("stripped.py", folder / f"stripped-{kept}", json.dumps(program.argv), str(table))
            running.callback(stripped.end)
            yield from _rows(plan, kept, served, stripped)


def filled(folder: Path, amount: int) -> None:
    """The store as it is on disk, with so many sessions."""
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    database, now = Database(folder), time.time()  # what is old would be deleted
    for start in range(0, amount, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, amount))
        some = [replace(session(number), created_at=now - amount, last_used=now - number) for number in numbers]
        database.transact(partial(add_all, some=some))
    database.close()


def rival(file: Path, amount: int, views: list[Any]) -> Path:
    """A table of as many rows, each as long as a session's view, with an index to page by."""
    kept = [json.dumps(view, separators=(",", ":")).encode() for view in views]
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE sessions (id INTEGER PRIMARY KEY, last_used REAL, view BLOB)")
        db.execute("CREATE INDEX newest ON sessions (last_used)")
        rows = ((number, number * 1.0, kept[number % len(kept)]) for number in range(amount))
        db.executemany("INSERT INTO sessions VALUES (?, ?, ?)", rows)
    db.close()
    return file


def _rows(plan: Plan, kept: int, served: Clinvk, stripped: Script) -> Iterator[Row]:
    begun: dict[str, Mapping[str, object]] = {
        CLINVK: _begin(served, _PROMPT),
        EPHEMERAL: _begin(served, {**_PROMPT, "ephemeral": True}),
    }
    listed: dict[str, Mapping[str, object]] = {
        CLINVK: {"port": served.port, "method": "GET", "path": "/api/v1/sessions?limit=50", "pid": served.pid},
        STRIPPED: {"port": stripped.port, "method": "GET", "path": "/page", "pid": stripped.pid},
    }
    for kind, name, sides in (
        ("create", f"a prompt that begins a session, {kept:,} kept", begun),
        ("page", f"a page of 50 sessions, {kept:,} kept", listed),
    ):
        found = _in_turns(plan, sides)
        times = {side: [one["milliseconds"] for one in each] for side, each in found.items()}
        cpu = {side: [one["cpu"] for one in each if one["cpu"] is not None] for side, each in found.items()}
        yield row(f"{WHAT}.{kept}.{kind}", name, "ms", times)
        yield row(f"{WHAT}.{kept}.{kind}-cpu", f"CPU of the server's process, {name}", "ms", cpu)


def _begin(served: Clinvk, prompt: Mapping[str, object]) -> Mapping[str, object]:
    return {"port": served.port, "path": "/api/v1/prompt", "body": json.dumps(prompt), "pid": served.pid}


def _in_turns(plan: Plan, sides: dict[str, Mapping[str, object]]) -> Rounds:
    """Each side's rounds, one request at a time."""
    found: Rounds = {name: [] for name in sides}
    load = {"at_once": 1, "seconds": 0, "most": plan.session_requests, "warm": 3}
    for number in range(plan.session_rounds):
        for name in list(sides) if number % 2 else reversed(sides):
            found[name].append(run("load.py", {**sides[name], **load}))
    return found
