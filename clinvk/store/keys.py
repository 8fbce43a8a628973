"""Idempotency keys in SQL. Every function works on a connection; those that write, in a caller's transaction."""

import sqlite3
from dataclasses import dataclass
from typing import Final

LIFETIME_SECS: Final = 86400.0
"""How long a key holds, from its first use. What is older is as if it were not there."""

_COLUMNS: Final = "key, request, operation, claimed_at, is_over, answer, last_line"
_SELECT: Final = f"SELECT {_COLUMNS} FROM idempotency_keys WHERE key = ?"  # noqa: S608  the names are ours
_INSERT: Final = (
    "INSERT OR REPLACE INTO idempotency_keys (key, request, operation, claimed_at) VALUES (?, ?, ?, ?)"
)
# Not where it is over: then its runs were deleted meanwhile, and what they said with them.
_END: Final = (
    "UPDATE idempotency_keys SET is_over = 1, answer = ?, last_line = ?"
    " WHERE key = ? AND operation = ? AND is_over = 0"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A key in use for one request, both as digests, and the id of the run or group that it started.

    `claimed_at` is in seconds since the epoch. `is_over`: it has ended, or has been deleted since. Then there is
    its `answer`, and the `last_line` of a group's log, as far as they were kept and are not deleted.
    """

    key: bytes
    request: bytes
    operation: str
    claimed_at: float
    is_over: bool = False
    answer: bytes | None = None
    last_line: bytes | None = None


def claim(db: sqlite3.Connection, new: Claim) -> Claim | None:
    """The claim that there is on the key, else None: from now on it is `new`."""
    row = db.execute(_SELECT, (new.key,)).fetchone()
    if row and row[3] > new.claimed_at - LIFETIME_SECS:
        key, request, operation, claimed_at, is_over, answer, last_line = row
        return Claim(key, request, operation, claimed_at, bool(is_over), answer, last_line)
    db.execute(_INSERT, (new.key, new.request, new.operation, new.claimed_at))
    return None


def release(db: sqlite3.Connection, claim: Claim) -> None:
    """The key may be used for anything again."""
    db.execute("DELETE FROM idempotency_keys WHERE key = ? AND operation = ?", (claim.key, claim.operation))


def end(db: sqlite3.Connection, claim: Claim, answer: bytes | None, last_line: bytes | None) -> None:
    """Its operation has ended so."""
    db.execute(_END, (answer, last_line, claim.key, claim.operation))


def expire(db: sqlite3.Connection, now: float) -> int:
    """Delete what holds no more; how many."""
    sql = "DELETE FROM idempotency_keys WHERE claimed_at <= ?"
    return db.execute(sql, (now - LIFETIME_SECS,)).rowcount
