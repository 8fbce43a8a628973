"""Jobs of the thread that owns the database, and how they are done. Everything here blocks."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from clinvk.domain.errors import ClinvkError, StoreUnavailable
from clinvk.store.database import Database

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_OURS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError)  # mistakes of the caller, not of the disk
_TOTALS: Final = "SELECT (SELECT total(amount) FROM session_totals), (SELECT total(log_bytes) FROM run_totals)"


class RecordTooLong(ClinvkError):
    """SQLite takes no value or row of that length, on whatever disk: the store is well."""


class Totals(NamedTuple):
    """What is kept count of, as of the newest commit."""

    sessions: int = 0
    log_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """Work to be done, and who waits for it."""

    work: Work[T]
    done: asyncio.Future[T]
    writes: bool
    erases: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it may be committed together with others."""
        return self.writes and not self.erases


class Outcome(NamedTuple):
    """What became of a job: what it gave, or why it failed; the totals as of its commit, if there was one, and
    whether rows were written in that.
    """

    job: Job[Any]
    result: Any = None
    error: Exception | None = None
    totals: Totals | None = None
    wrote: bool = False


def do(database: Database, jobs: Sequence[Job[Any]]) -> list[Outcome]:
    """Do one job, or several plain ones: these are committed together, and one by one where any of them fails."""
    if len(jobs) > 1:
        with contextlib.suppress(Exception):  # nothing of it stays: whose fault it was is seen in what follows
            return _together(database, jobs)
    return [_alone(database, job) for job in jobs]


def totals(db: sqlite3.Connection) -> Totals:
    """What there is now."""
    return Totals(*map(int, db.execute(_TOTALS).fetchone()))


def _together(database: Database, jobs: Sequence[Job[Any]]) -> list[Outcome]:
    results, counted, wrote = _committed(database, lambda db: [job.work(db) for job in jobs])
    return [Outcome(job, result, None, counted, wrote) for job, result in zip(jobs, results, strict=True)]


def _alone(database: Database, job: Job[Any]) -> Outcome:
    try:
        if not job.writes:
            return Outcome(job, job.work(database.connection))
        result, counted, wrote = _committed(database, job.work)
        if job.erases:
            database.fold()
    except sqlite3.DataError as error:
        return Outcome(job, error=RecordTooLong(f"The store takes no record of that length: {error}"))
    except sqlite3.Error as error:
        return Outcome(job, error=error if isinstance(error, _OURS) else StoreUnavailable(str(error)))
    except Exception as error:  # noqa: BLE001  whatever it is, the thread goes on and the caller hears of it
        return Outcome(job, error=error)
    return Outcome(job, result, None, counted, wrote)


def _committed(database: Database, work: Work[T]) -> tuple[T, Totals, bool]:
    """What `work` gave in a transaction of its own, the totals as of that, and whether it wrote any row."""
    before = database.connection.total_changes
    result, counted = database.transact(lambda db: (work(db), totals(db)))
    return result, counted, database.connection.total_changes > before
