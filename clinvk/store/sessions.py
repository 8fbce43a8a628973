"""Sessions in SQL. Every function works on a connection; those that write, in their caller's transaction."""

import json
import sqlite3
from dataclasses import asdict
from typing import Any, Final

import orjson

from clinvk.domain.errors import SessionAmbiguous, SessionNotFound
from clinvk.domain.paging import Page, SessionQuery
from clinvk.domain.session import Session, SessionStatus
from clinvk.domain.usage import Usage
from clinvk.store.listing import Listing, Row, Span

_COLUMNS: Final = (
    "id, last_used, created_at, backend, workdir, model, title, initial_prompt, status, turn_count,"
    " usage, tags, metadata, backend_session_id"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM sessions"  # noqa: S608  the names are ours
_INSERT: Final = f"INSERT INTO sessions ({_COLUMNS}) VALUES ({', '.join('?' * 14)})"  # noqa: S608  the names are ours
_UPDATE: Final = (
    "UPDATE sessions SET last_used = ?, created_at = ?, backend = ?, workdir = ?, model = ?, title = ?,"
    " initial_prompt = ?, status = ?, turn_count = ?, usage = ?, tags = ?, metadata = ?, backend_session_id = ?"
    " WHERE id = ?"
)
_TOTAL: Final = (
    "SELECT total(amount) FROM session_totals WHERE backend = ifnull(?, backend) AND status = ifnull(?, status)"
)
# In use, or with a run that has not ended: not ours to end.
_UNUSED: Final = (
    "SELECT id FROM sessions INDEXED BY sessions_status"
    " WHERE status IN (?, ?, ?) AND last_used < ? AND NOT EXISTS"
    " (SELECT 1 FROM session_run_totals WHERE session_id = sessions.id"
    " AND state NOT IN ('completed', 'failed', 'cancelled')) LIMIT ?"
)
_DOOM: Final = f"INSERT INTO doomed_sessions ({_COLUMNS}) {_SELECT} WHERE id = ?"
_DOOMED: Final = f"SELECT {_COLUMNS} FROM doomed_sessions ORDER BY rowid LIMIT ?"  # noqa: S608  the names are ours
_IDLE: Final = tuple(status.value for status in SessionStatus if status is not SessionStatus.ACTIVE)

LISTING: Final = Listing(
    mark=b"s",
    table="sessions",
    columns=_COLUMNS,
    time="last_used",
    indexes={
        frozenset(): "sessions_newest",
        frozenset({"backend"}): "sessions_backend",
        frozenset({"status"}): "sessions_status",
        frozenset({"backend", "status"}): "sessions_backend_status",
    },
)


def add(db: sqlite3.Connection, session: Session) -> None:
    """A new row."""
    db.execute(_INSERT, _row(session))


def save(db: sqlite3.Connection, session: Session) -> None:
    """The row as `session` is now. Raises SessionNotFound."""
    if not save_if_there(db, session):
        raise SessionNotFound(session.id)


def save_if_there(db: sqlite3.Connection, session: Session) -> bool:
    """The same, where there is such a row; whether there is."""
    id_, *values = _row(session)
    return bool(db.execute(_UPDATE, (*values, id_)).rowcount)


def bind(db: sqlite3.Connection, session_id: str, backend_session_id: str) -> None:
    """Note the CLI's own id of the conversation. Raises SessionNotFound."""
    sql = "UPDATE sessions SET backend_session_id = ? WHERE id = ?"
    if not db.execute(sql, (backend_session_id, session_id)).rowcount:
        raise SessionNotFound(session_id)


def get(db: sqlite3.Connection, session_id: str) -> Session:
    """The session of that very id. Raises SessionNotFound."""
    row = db.execute(f"{_SELECT} WHERE id = ?", (session_id,)).fetchone()
    if row is None:
        raise SessionNotFound(session_id)
    return _session(row)


def like(db: sqlite3.Connection, prefix: str) -> Session:
    """The session of that id, or the one whose id begins so. Raises SessionNotFound, SessionAmbiguous."""
    # Whatever begins so stands together, from the first id that is not below it: no pattern, no upper bound.
    rows = db.execute(f"{_SELECT} WHERE id >= ? ORDER BY id LIMIT 2", (prefix,)).fetchall() if prefix else []
    found = [session for session in map(_session, rows) if session.id.startswith(prefix)]
    if not found:
        raise SessionNotFound(prefix)
    if len(found) > 1 and found[0].id != prefix:
        raise SessionAmbiguous(prefix)
    return found[0]


def newest(db: sqlite3.Connection, backend: str, workdir: str) -> Session | None:
    """The one used last with that backend in that folder."""
    sql = f"{_SELECT} WHERE backend = ? AND workdir = ? ORDER BY last_used DESC, id DESC LIMIT 1"
    row = db.execute(sql, (backend, workdir)).fetchone()
    return _session(row) if row else None


def page(db: sqlite3.Connection, query: SessionQuery) -> Page[Session]:
    """A page, newest use first. Raises InvalidInput where the cursor is wrong."""
    given = {"backend": query.backend, "status": query.status}
    filters = {column: value for column, value in given.items() if value is not None}
    rows, following = LISTING.page(db, filters, Span(query.limit, query.offset, query.cursor))
    (total,) = db.execute(_TOTAL, (query.backend, query.status)).fetchone()
    return Page(tuple(map(_session, rows)), int(total), following)


def mark(db: sqlite3.Connection, session_id: str) -> Session:
    """Move the session to those that are to be deleted: nothing finds it any more. Raises SessionNotFound."""
    session = get(db, session_id)
    db.execute(_DOOM, (session_id,))
    db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
    return session


def mark_unused(db: sqlite3.Connection, before: float, limit: int) -> int:
    """Mark some that nobody used since `before`, none of them under way; how many."""
    found = db.execute(_UNUSED, (*_IDLE, before, limit)).fetchall()
    for (session_id,) in found:
        mark(db, session_id)
    return len(found)


def marked(db: sqlite3.Connection, limit: int) -> list[Session]:
    """Those that are to be deleted, the first marked first."""
    return [_session(row) for row in db.execute(_DOOMED, (limit,))]


def is_marked(db: sqlite3.Connection, session_id: str) -> bool:
    """Whether it is to be deleted."""
    return db.execute("SELECT 1 FROM doomed_sessions WHERE id = ?", (session_id,)).fetchone() is not None


def remove(db: sqlite3.Connection, session_id: str) -> bool:
    """Delete the session, marked or not; whether there was one."""
    found = db.execute("DELETE FROM doomed_sessions WHERE id = ?", (session_id,)).rowcount
    found += db.execute("DELETE FROM sessions WHERE id = ?", (session_id,)).rowcount
    return bool(found)


def _row(session: Session) -> Row:
    return (
        session.id,
        session.last_used,
        session.created_at,
        session.backend,
        session.workdir,
        session.model,
        session.title,
        session.initial_prompt,
        session.status,
        session.turn_count,
        json.dumps(asdict(session.usage)),
        json.dumps(session.tags),
        json.dumps(dict(session.metadata)),
        session.backend_session_id,
    )


def _session(row: Row) -> Session:
    id_, last_used, created_at, backend, workdir, model, title, prompt, status, turns, *rest = row
    usage, tags, metadata, backend_session_id = rest
    return Session(
        id=id_,
        backend=backend,
        workdir=workdir,
        created_at=created_at,
        last_used=last_used,
        model=model,
        title=title,
        initial_prompt=prompt,
        status=SessionStatus(status),
        turn_count=turns,
        usage=Usage(**json.loads(usage)),
        tags=tuple(_read(tags)),
        metadata=_read(metadata),
        backend_session_id=backend_session_id,
    )


def _read(text: str) -> Any:
    """Texts that were written. Numbers are another matter: this reader has none beyond 64 bits."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # it takes no half of a surrogate pair
        return json.loads(text)
