"""The store at 400 sessions and at 100,000, and its rivals.

Pages and commits go through the store's thread, as a request's would. Rivals are measured in the same run: the
same page by offset, and a folder with a JSON file for each session. Times are milliseconds.
"""

import asyncio
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from clinvk.domain.paging import SessionQuery
from clinvk.domain.run import RunState
from clinvk.domain.session import Session, SessionStatus
from clinvk.domain.usage import Usage
from clinvk.store import sessions
from clinvk.store.database import Database
from clinvk.store.records import RunRecord
from clinvk.store.store import Store

FEW = 400  # a quarter of them is more than a page
MANY = 100_000
PAGES = 300
COMMITS = 5000
FILES = 10_000  # more would measure patience

Work = Callable[[], Awaitable[object]]


def session(number: int) -> Session:
    """Some session, with a prompt and a title of usual length."""
    chance = random.Random(number)
    return Session(
        id=f"ses_{number:010}{chance.getrandbits(80):016x}",
        backend=chance.choice(("claude", "codex", "gemini")),
        workdir=f"/home/user/projects/{chance.randrange(50)}",
        created_at=float(number),
        last_used=number + chance.random() * 1000,
        model="some-model",
        title="Find out why the tests of the parser fail",
        initial_prompt="Find out why the tests of the parser fail, and mend it. " * 5,
        status=chance.choice((SessionStatus.COMPLETED, SessionStatus.ERROR)),
        usage=Usage(1000, 200, 500, 0, 50, 0.0123),
        tags=("work",),
        metadata={"ticket": str(number)},
        backend_session_id=f"{chance.getrandbits(128):032x}",
    )


def run(number: int, session_id: str, state: RunState) -> RunRecord:
    """Some run, with a view of usual length."""
    return RunRecord(
        id=f"run_{number:026}",
        backend="claude",
        state=state,
        created_at=float(number),
        view=b"v" * 1500,
        session_id=session_id,
        finished_at=number + 1.0 if state.ended else None,
        request="p" * 300,
        log_bytes=1000,
    )


async def milliseconds(work: Work) -> float:
    begun = time.perf_counter()
    await work()
    return (time.perf_counter() - begun) * 1000


def told(what: str, taken: list[float], against: float | None = None) -> float:
    """Print a line; the median."""
    median = statistics.median(taken)
    ratio = f"   × {median / against:.2f}" if against else ""
    high = taken[min(len(taken) - 1, len(taken) * 99 // 100)]
    print(f"  {what:<58} p50 {median:8.3f}   p99 {high:8.3f}{ratio}", flush=True)
    return median


def filled(folder: Path, amount: int) -> Path:
    """A store with so many sessions."""
    begun = time.perf_counter()
    database = Database(folder)
    for start in range(0, amount, 1000):
        some = [session(number) for number in range(start, min(start + 1000, amount))]
        database.transact(partial(add_all, some=some))
    database.close()
    print(f"{amount} sessions, made in {time.perf_counter() - begun:.1f} s")
    return folder


def add_all(db: sqlite3.Connection, some: list[Session]) -> None:
    for one in some:
        sessions.add(db, one)


async def bench_pages(few: Store, many: Store) -> None:
    """The pages a client asks for, of both stores in turns: the ratio is their medians'."""
    for name, query_of in QUERIES.items():
        asked = [partial(store.sessions, await query_of(store)) for store in (few, many)]
        await in_turns(name, *asked)
    prefixes = [(await store.sessions(SessionQuery(limit=1))).items[0].id[:14] for store in (few, many)]
    of_few, of_many = partial(few.session_like, prefixes[0]), partial(many.session_like, prefixes[1])
    await in_turns("a session by the beginning of its id", of_few, of_many)


async def in_turns(name: str, of_few: Work, of_many: Work) -> None:
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(PAGES):
        for work, times in zip((of_few, of_many), taken, strict=True):
            times.append(await milliseconds(work))
    against = statistics.median(taken[0])
    told(f"{name}, of {FEW}", sorted(taken[0]))
    told(f"{name}, of many", sorted(taken[1]), against)


async def by_cursor(store: Store) -> SessionQuery:
    half = await store.sessions(SessionQuery(limit=1, offset=store.session_count // 2))
    return SessionQuery(cursor=half.next_cursor)


async def by_offset(store: Store) -> SessionQuery:
    return SessionQuery(offset=store.session_count // 2)


async def first(_: Store, backend: str | None = None, status: SessionStatus | None = None) -> SessionQuery:
    return SessionQuery(backend, status)


QUERIES: dict[str, Callable[[Store], Awaitable[SessionQuery]]] = {
    "first page of 50": first,
    "the same of one backend": partial(first, backend="codex"),
    "the same of one status": partial(first, status=SessionStatus.ERROR),
    "the same of one backend and status": partial(first, backend="codex", status=SessionStatus.ERROR),
    "page of 50 behind half of the list, by cursor": by_cursor,
    "the same, by offset": by_offset,
}


async def bench_commits(store: Store) -> None:
    """What a turn waits for: its session, its run, its end."""
    kept = [session(10**6 + number) for number in range(COMMITS)]
    ends = [run(n, one.id, RunState.COMPLETED) for n, one in enumerate(kept)]
    turns: dict[str, list[Work]] = {
        "begin a run and its session": [
            partial(store.begin_run, run(n, one.id, RunState.RUNNING), one, is_new=True)
            for n, one in enumerate(kept)
        ],
        "begin a run of a session that is there": [
            partial(store.begin_run, run(n, one.id, RunState.RUNNING), replace(one, turn_count=2))
            for n, one in enumerate(kept)
        ],
        "end a run and its turn": [
            partial(store.end_run, end, replace(one, last_used=2e6)) for end, one in zip(ends, kept, strict=True)
        ],
        "remove a session with its run": [partial(store.remove_session, one.id) for one in kept[: COMMITS // 5]],
    }
    for what, works in turns.items():
        told(what, sorted([await milliseconds(work) for work in works]))
    begun = time.perf_counter()
    await asyncio.gather(*[store.end_run(end) for end in ends[COMMITS // 5 :]])
    took = time.perf_counter() - begun
    print(f"  {COMMITS * 4 // 5} ends at once: {COMMITS * 0.8 / took:.0f} commits a second")


def bench_files(folder: Path, amount: int) -> None:
    """The rival: a JSON file for each session; its list is the folder, read and sorted."""
    print(f"a JSON file for each of {amount} sessions")
    folder.mkdir()
    taken = []
    for number in range(amount):
        one = session(number)
        begun = time.perf_counter()
        path = folder / f"{one.id}.json"
        path.with_suffix(".new").write_text(json.dumps(asdict(one)))
        path.with_suffix(".new").replace(path)
        taken.append((time.perf_counter() - begun) * 1000)
    told("write one (and rename it)", sorted(taken))
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
        found.sort(key=lambda one: (one["last_used"], one["id"]), reverse=True)
        assert len(found[:50]) == 50
        taken.append((time.perf_counter() - begun) * 1000)
    told("first page of 50", sorted(taken))


async def main(folder: Path, amount: int) -> None:
    few = await Store.open(filled(folder / "few", FEW))
    many = await Store.open(filled(folder / "many", amount))
    await bench_pages(few, many)
    await few.close()
    await bench_commits(many)
    await many.close()
    begun = time.perf_counter()
    many = await Store.open(folder / "many")
    print(f"  opened again in {(time.perf_counter() - begun) * 1000:.1f} ms")
    await many.close()
    bench_files(folder / "files", min(amount, FILES))


def measurements() -> tuple[()]:
    """Prints as it goes: it takes a minute."""
    with tempfile.TemporaryDirectory() as parent:
        asyncio.run(main(Path(parent), MANY))
    return ()
