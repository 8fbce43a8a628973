"""Sessions and runs to be kept, and stores to keep them in."""

import contextlib
import sqlite3

from hypothesis import strategies as st

from clinvk.domain.run import RunState
from clinvk.domain.session import Session, SessionStatus
from clinvk.domain.usage import Usage
from clinvk.store import sessions
from clinvk.store.database import migrate
from clinvk.store.records import RunRecord
from clinvk.store.store import Store

DEADLINE = 20.0
BACKENDS = ("claude", "codex", "demo")

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)  # no JSON holds half a surrogate pair
maybe = st.none() | text
number = st.floats(allow_nan=False)
count = st.integers(0, 2**63 - 1)

FULL = Session(
    id="ses_01",
    backend="codex",
    workdir="/srv/Ünïcode 文件",
    created_at=1767225600.125,
    last_used=1767225660.25,
    model="gpt-5",
    title="Make it\nwork 🛠",
    initial_prompt="Make it work, and\tthen 'fast'; DROP TABLE sessions --",
    status=SessionStatus.PAUSED,
    turn_count=7,
    usage=Usage(1, 2, 3, 4, 5, 0.1 + 0.2),
    tags=("a", "b", "a"),
    metadata={"z": "last", "a": "first", "": ""},
    backend_session_id="019a-bc",
)
"""A session with no field at its default."""


def a_session(id_="ses_1", **fields):
    """One that says nothing but what it must."""
    usual = {"backend": "demo", "workdir": "/srv/app", "created_at": 10.0, "last_used": 10.0}
    return Session(id_, **usual | {"status": SessionStatus.COMPLETED} | fields)


def a_run(id_="run_1", state=RunState.COMPLETED, **fields):
    """One that says nothing but what it must: it ended a second after it began."""
    begun = fields.pop("created_at", 10.0)
    usual = {"backend": "demo", "view": b"{}", "finished_at": begun + 1 if state.ended else None}
    return RunRecord(id_, state=state, created_at=begun, **usual | fields)


@contextlib.asynccontextmanager
async def opened(folder):
    """A store, closed at the end."""
    store = await Store.open(folder)
    try:
        yield store
    finally:
        await store.close()


@contextlib.contextmanager
def in_memory():
    """A database of the newest version without a disk, for what is the same with one."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db)
        yield db


async def on_thread(store, work, *, writes=False):
    """Whatever a test wants to know of the connection itself, asked in its thread."""
    return await store._worker.submit(work, writes=writes)


async def add_session(store, session):
    """Keep a session without a turn: what a turn does to it is not asked."""
    await on_thread(store, lambda db: sessions.add(db, session), writes=True)


RECOUNTS = {
    "session_totals": "SELECT backend, status, count(*) FROM sessions GROUP BY 1, 2",
    "run_totals": "SELECT backend, state, count(*), sum(log_bytes) FROM runs GROUP BY 1, 2",
    "session_run_totals": (
        "SELECT session_id, backend, state, count(*) FROM runs WHERE session_id IS NOT NULL GROUP BY 1, 2, 3"
    ),
}


def check_totals(db):
    """Whether each kept total is what counting gives, and nothing but that."""
    for table, recount in RECOUNTS.items():
        assert sorted(db.execute(f"SELECT * FROM {table}")) == sorted(db.execute(recount)), table
