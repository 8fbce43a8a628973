"""The thread that owns the database: jobs are done in the order in which they were submitted, and writes that wait
together are committed together.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from clinvk.domain.errors import ClinvkError, StoreUnavailable
from clinvk.store import jobs
from clinvk.store.database import Database
from clinvk.store.jobs import Job, Outcome, Totals, Work
from clinvk.store.notes import Note, Notes
from clinvk.store.writer import tell

_log = logging.getLogger("clinvk.store")

T = TypeVar("T")

_TOGETHER: Final = 64
"""Writes that are committed at once, at most: whoever came first waits for all of them."""


class Worker:
    """The thread, as the loop sees it. Its `_on_thread…` methods are the thread's, the others the loop's."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.failure: str | None = None
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._on_thread_waiting: deque[Job[Any] | None] = deque()
        self._notes = Notes(self._loop, self._jobs.put)
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
            self.totals = await self.submit(jobs.totals, writes=False)
        except BaseException:
            await self.close()
            raise

    def submit(
        self, work: Work[T], *, writes: bool, erases: bool = False, apart: bool = False
    ) -> asyncio.Future[T]:
        """Have `work` done after everything submitted before; if it `writes`, in a transaction.

        The result comes once that is committed, and if it `erases`, once nothing of what it deleted is in the
        files. Cancelling the future drops the result, not the work. What stands `apart` has nothing to do with
        what is noted: that may be written after it.
        """
        done: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            done.set_exception(StoreUnavailable("it is closed"))
            return done
        if not apart:
            self._notes.hand_over()
        self._jobs.put(Job(work, done, writes, erases))
        return done

    def note(self, about: str, note: Note) -> asyncio.Future[None]:
        """Have this written in a moment, in place of what was noted of the same. What is submitted next finds it
        written, unless it stands apart.
        """
        if not self._closed:
            return self._notes.add(about, note)
        refused: asyncio.Future[None] = self._loop.create_future()
        refused.set_exception(StoreUnavailable("it is closed"))
        return refused

    def drop_note(self, about: str) -> None:
        """It need not be written any more: what is submitted next says as much."""
        self._notes.drop(about)

    async def close(self) -> None:
        """Finish what was submitted, then end the thread. A second time waits for the first."""
        if not self._closed:
            self._closed = True
            self._notes.hand_over()
            self._jobs.put(None)
        if self._thread:
            await asyncio.to_thread(self._thread.join)

    def _settle_all(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self._settle(outcome)

    def _settle(self, outcome: Outcome) -> None:
        job, result, error, totals, wrote = outcome
        self.totals = totals or self.totals
        refused = error.reason if isinstance(error, StoreUnavailable) else None
        if refused or error is None:
            self._judge(refused, writes=job.writes if refused else wrote)
        if job.done.cancelled():
            return
        if error:
            job.done.set_exception(error)
        else:
            job.done.set_result(result)

    def _judge(self, refused: str | None, *, writes: bool) -> None:
        """Keep `failure`. That nothing had to be written is no sign that a full disk has room again."""
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
        while batch := self._on_thread_next():
            self._on_thread_tell(self._settle_all, jobs.do(database, batch))
        jobs.do(database, self._notes.rest())  # of a loop that ended without closing
        try:
            database.close()
        except sqlite3.Error as error:
            _log.error("the store was not closed well: %s", error)

    def _on_thread_next(self) -> list[Job[Any]]:
        """What is to be done next: the plain writes that wait, or one job of another kind; nothing at the end."""
        waiting = self._on_thread_waiting
        while not waiting or not self._jobs.empty():
            waiting.append(self._jobs.get())
        first = waiting.popleft()
        batch = [first] if first else []
        while first and first.is_plain and len(batch) < _TOGETHER:
            if not (waiting and (following := waiting[0]) and following.is_plain):
                break
            batch.append(following)
            waiting.popleft()
        return batch

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
