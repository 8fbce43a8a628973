"""The thread that owns the database: jobs are done in the order in which they were submitted."""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar

from clinvk.domain.errors import ClinvkError, StoreUnavailable
from clinvk.store.database import Database
from clinvk.store.writer import tell

_log = logging.getLogger("clinvk.store")

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
class _Job(Generic[T]):
    work: Work[T]
    done: asyncio.Future[T]
    writes: bool
    erases: bool


class Worker:
    """The thread, as the loop sees it. Its `_on_thread…` methods are the thread's, the others the loop's."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.failure: str | None = None
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed = False
        self._failed_writing = False
        self._thread: threading.Thread | None = None

    async def open(self, folder: Path) -> None:
        """Start the thread; it is at work once this returns. Raises StoreUnavailable."""
        self._thread = threading.Thread(target=self._on_thread, args=(folder,), name="clinvk store", daemon=True)
        self._thread.start()
        try:
            await self._opened
            self.totals = await self.submit(_totals, writes=False)
        except BaseException:
            await self.close()
            raise

    def submit(self, work: Work[T], *, writes: bool, erases: bool = False) -> asyncio.Future[T]:
        """Have `work` done after everything submitted before; if it `writes`, in a transaction.

        The result comes once that is committed, and if it `erases`, once nothing of what it deleted is in the
        files. Cancelling the future drops the result, not the work.
        """
        done: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            done.set_exception(StoreUnavailable("it is closed"))
        else:
            self._jobs.put(_Job(work, done, writes, erases))
        return done

    async def close(self) -> None:
        """Finish what was submitted, then end the thread. A second time waits for the first."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        if self._thread:
            await asyncio.to_thread(self._thread.join)

    def _settle(self, job: _Job[T], result: T | None, error: Exception | None, totals: Totals | None) -> None:
        self.totals = totals or self.totals
        refused = error.reason if isinstance(error, StoreUnavailable) else None
        if refused or error is None:
            self._judge(refused, writes=job.writes)
        if job.done.cancelled():
            return
        if error:
            job.done.set_exception(error)
        else:
            job.done.set_result(result)  # type: ignore[arg-type]

    def _judge(self, refused: str | None, *, writes: bool) -> None:
        """Keep `failure`. A read that succeeds is no sign that a full disk has room again."""
        if refused is None and self._failed_writing and not writes:
            return
        self._failed_writing = refused is not None and (writes or self._failed_writing)
        if refused and refused != self.failure:
            _log.error("the store fails: %s", refused)
        elif self.failure and not refused:
            _log.warning("the store works again")
        self.failure = refused

    def _on_thread(self, folder: Path) -> None:
        try:
            database = Database(folder)
        except Exception as error:  # noqa: BLE001  whatever it is, the one who opens hears of it
            self._on_thread_tell(self._not_opened, error)
            return
        self._on_thread_tell(self._begun)
        while (job := self._jobs.get()) is not None:
            self._on_thread_do(database, job)
        try:
            database.close()
        except sqlite3.Error as error:
            _log.error("the store was not closed well: %s", error)

    def _on_thread_do(self, database: Database, job: _Job[T]) -> None:
        result: T | None = None
        totals: Totals | None = None
        failed: Exception | None = None
        try:
            if job.writes:
                result, totals = database.transact(lambda db: (job.work(db), _totals(db)))
                if job.erases:
                    database.fold()
            else:
                result = job.work(database.connection)
        except sqlite3.DataError as error:
            failed = RecordTooLong(f"The store takes no record of that length: {error}")
        except sqlite3.Error as error:
            failed = error if isinstance(error, _OURS) else StoreUnavailable(str(error))
        except Exception as error:  # noqa: BLE001  whatever it is, the thread goes on and the caller hears of it
            failed = error
        self._on_thread_tell(self._settle, job, result, failed, totals)

    def _on_thread_tell(self, function: Callable[..., None], *values: object) -> None:
        tell(self._loop, partial(function, *values))

    def _not_opened(self, error: Exception) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)

    def _begun(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)


def log_refusal(what: str) -> Callable[[asyncio.Future[None]], None]:
    """A callback for work that nobody awaits: if it failed, the log has it."""

    def told(done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if isinstance(error, ClinvkError):
            _log.error("%s: %s", what, error)
        elif error:
            _log.error("%s", what, exc_info=error)

    return told


def _totals(db: sqlite3.Connection) -> Totals:
    return Totals(*map(int, db.execute(_TOTALS).fetchone()))
