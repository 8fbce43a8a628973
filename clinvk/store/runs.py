"""Runs in SQL. Every function works on a connection; those that write, in their caller's transaction."""

import sqlite3
from itertools import product
from typing import Final

from clinvk.domain.errors import RunNotFound
from clinvk.domain.paging import Page, RunQuery
from clinvk.domain.run import ENDED, RunState
from clinvk.store.listing import Listing, Row, Span
from clinvk.store.records import RunRecord

_LISTED: Final = "id, created_at, backend, state, session_id, group_id, finished_at, log_bytes, view"
_SELECT: Final = f"SELECT {_LISTED}, request FROM runs"  # noqa: S608  the names are ours
# Never OR REPLACE: it deletes without telling the triggers that keep the totals.
_PUT: Final = (
    f"INSERT INTO runs ({_LISTED}, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  the names are ours
    " ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, backend = excluded.backend,"
    " state = excluded.state, session_id = excluded.session_id, group_id = excluded.group_id,"
    " finished_at = excluded.finished_at, log_bytes = excluded.log_bytes, view = excluded.view,"
    " request = excluded.request"
)
# What ends with a run, and nothing that is in more indexes than it has to be.
_END: Final = (
    "UPDATE runs SET state = ?, finished_at = ?, log_bytes = ?, view = ?, request = ?"
    " WHERE id = ? AND session_id IS ?"
)
_TOTAL: Final = (
    "SELECT total(amount) FROM run_totals WHERE backend = ifnull(?, backend) AND state = ifnull(?, state)"
)
_SESSION_TOTAL: Final = (
    "SELECT total(amount) FROM session_run_totals"
    " WHERE session_id = ? AND backend = ifnull(?, backend) AND state = ifnull(?, state)"
)
# Counted, not kept: a group has no more runs than one request may ask for.
_GROUP_TOTAL: Final = (
    "SELECT count(*) FROM runs INDEXED BY runs_group WHERE group_id = ?"
    " AND session_id IS ifnull(?, session_id) AND backend = ifnull(?, backend) AND state = ifnull(?, state)"
)
_LIVE: Final = tuple(state.value for state in RunState if state not in ENDED)
_EXPIRED: Final = (
    "SELECT id FROM runs INDEXED BY runs_alone"
    " WHERE finished_at IS NOT NULL AND session_id IS NULL AND finished_at < ? ORDER BY finished_at, id LIMIT ?"
)
_WITH_LOG: Final = (
    "SELECT id, log_bytes FROM runs INDEXED BY runs_ended"
    " WHERE finished_at IS NOT NULL AND log_bytes > 0 ORDER BY finished_at, id"
)

_OTHERS: Final = [
    [name for name, wanted in zip(("session_id", "backend", "state"), chosen, strict=True) if wanted]
    for chosen in product((False, True), repeat=3)
]

LISTING: Final = Listing(
    mark=b"r",
    table="runs",
    columns=_LISTED,
    time="created_at",
    indexes={
        frozenset(): "runs_newest",
        frozenset({"backend"}): "runs_backend",
        frozenset({"state"}): "runs_state",
        frozenset({"backend", "state"}): "runs_backend_state",
        frozenset({"session_id"}): "runs_session",
        frozenset({"session_id", "state"}): "runs_session_state",
        # A session has one backend: all of its runs match, or `total` has said that none does.
        frozenset({"session_id", "backend"}): "runs_session",
        frozenset({"session_id", "backend", "state"}): "runs_session_state",
        # A group is small: what else is asked of its runs is looked at in each.
        **{frozenset({"group_id", *others}): "runs_group" for others in _OTHERS},
    },
)


def put(db: sqlite3.Connection, record: RunRecord) -> None:
    """The run as it is now, new or not."""
    db.execute(_PUT, _row(record))


def end(db: sqlite3.Connection, record: RunRecord) -> None:
    """The run as it ended: the same as `put`, for less where it is there as it began."""
    ended = (record.state, record.finished_at, record.log_bytes, record.view, record.request)
    if not db.execute(_END, (*ended, record.id, record.session_id)).rowcount:
        put(db, record)


def save_view(db: sqlite3.Connection, run_id: str, view: bytes) -> None:
    """What readers get of the run from now on; nothing where it is gone."""
    db.execute("UPDATE runs SET view = ? WHERE id = ?", (view, run_id))


def get(db: sqlite3.Connection, run_id: str) -> RunRecord:
    """The whole record. Raises RunNotFound."""
    row = db.execute(f"{_SELECT} WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise RunNotFound(run_id)
    return _record(row)


def page(db: sqlite3.Connection, query: RunQuery) -> Page[RunRecord]:
    """A page, newest first, without requests: they are long. Raises InvalidInput where the cursor is wrong."""
    given = {
        "group_id": query.group_id,
        "session_id": query.session_id,
        "backend": query.backend,
        "state": query.state,
    }
    filters = {column: value for column, value in given.items() if value is not None}
    span = Span(query.limit, query.offset, query.cursor)
    count = total(db, query)
    if not count:
        LISTING.check(span.cursor)
        return Page((), 0)
    rows, following = LISTING.page(db, filters, span)
    return Page(tuple(_record((*row, None)) for row in rows), count, following)


def total(db: sqlite3.Connection, query: RunQuery) -> int:
    """How many match."""
    if query.group_id is not None:
        given = (query.group_id, query.session_id, query.backend, query.state)
        (amount,) = db.execute(_GROUP_TOTAL, given).fetchone()
    elif query.session_id is None:
        (amount,) = db.execute(_TOTAL, (query.backend, query.state)).fetchone()
    else:
        (amount,) = db.execute(_SESSION_TOTAL, (query.session_id, query.backend, query.state)).fetchone()
    return int(amount)


def unended(db: sqlite3.Connection) -> list[RunRecord]:
    """Every run that has not ended, whole."""
    sql = f"{_SELECT} INDEXED BY runs_state WHERE state IN ({', '.join('?' * len(_LIVE))})"
    return [_record(row) for row in db.execute(sql, _LIVE)]


def remove_oldest(db: sqlite3.Connection, surplus_bytes: int) -> list[str]:
    """Delete ended runs that have a log, oldest end first, until their logs come to `surplus_bytes`; their ids."""
    found: list[str] = []
    for run_id, size in db.execute(_WITH_LOG):
        if surplus_bytes <= 0:
            break
        surplus_bytes -= size
        found.append(run_id)
    return _remove(db, found)


def remove_ended(db: sqlite3.Connection, before: float, limit: int) -> list[str]:
    """Delete up to `limit` runs of no session that ended before `before`, oldest end first; their ids."""
    rows = db.execute(_EXPIRED, (before, limit))
    return _remove(db, [run_id for (run_id,) in rows.fetchall()])


def remove_of_session(db: sqlite3.Connection, session_id: str) -> list[str]:
    """Delete a session's runs; their ids."""
    rows = db.execute("SELECT id FROM runs INDEXED BY runs_session WHERE session_id = ?", (session_id,))
    return _remove(db, [run_id for (run_id,) in rows.fetchall()])


def _remove(db: sqlite3.Connection, ids: list[str]) -> list[str]:
    db.executemany("DELETE FROM runs WHERE id = ?", [(run_id,) for run_id in ids])
    return ids


def _row(record: RunRecord) -> Row:
    return (
        record.id,
        record.created_at,
        record.backend,
        record.state,
        record.session_id,
        record.group_id,
        record.finished_at,
        record.log_bytes,
        record.view,
        record.request,
    )


def _record(row: Row) -> RunRecord:
    id_, created_at, backend, state, session_id, group_id, finished_at, log_bytes, view, request = row
    return RunRecord(
        id=id_,
        backend=backend,
        state=RunState(state),
        created_at=created_at,
        view=view,
        session_id=session_id,
        group_id=group_id,
        finished_at=finished_at,
        request=request,
        log_bytes=log_bytes,
    )
