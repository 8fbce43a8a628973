"""The store: sessions and runs that outlive the server, in one SQLite file that one thread owns."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from clinvk.domain.errors import SessionNotFound
from clinvk.domain.paging import Page, RunQuery, SessionQuery
from clinvk.domain.session import Session
from clinvk.store import keys, runs, sessions
from clinvk.store.jobs import Work
from clinvk.store.keys import Claim
from clinvk.store.records import Expired, RunRecord
from clinvk.store.worker import Worker, log_refusal

_PROBE_BYTES: Final = 16 << 10  # what a turn may well need

T = TypeVar("T")


class Store:
    """Sessions and runs, kept. For one event loop; nothing is done on its thread.

    What is submitted is done in order, so that a read sees every write before it. A write is committed before
    its call returns, and survives SIGKILL from then on, though not a power failure (see `database.Database`).
    A caller that is cancelled while it waits does not undo what it asked for.
    Whatever SQLite or the disk refuses is StoreUnavailable to whom it was refused; a record that is longer than
    SQLite takes is RecordTooLong.
    """

    def __init__(self, worker: Worker) -> None:
        """Use `open`."""
        self._worker = worker

    @classmethod
    async def open(cls, folder: Path) -> "Store":
        """The store in `folder`, for this process alone; made where it is missing. Raises StoreUnavailable."""
        worker = Worker()
        await worker.open(folder)
        return cls(worker)

    @property
    def failure(self) -> str | None:
        """Why the store fails, None once it works again: a failed write is made good by a write only."""
        return self._worker.failure

    @property
    def session_count(self) -> int:
        """How many sessions there are, known without asking the disk."""
        return self._worker.totals.sessions

    @property
    def log_bytes(self) -> int:
        """What the spool files of all kept runs come to, known without asking the disk."""
        return self._worker.totals.log_bytes

    async def close(self) -> None:
        """Finish what was submitted and let another server have the file. A second time does nothing."""
        await self._worker.close()

    async def probe(self) -> None:
        """Write something and remove it: `failure` is None again if that works. Raises StoreUnavailable."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO probes VALUES (zeroblob(?))", (_PROBE_BYTES,))
            db.execute("DELETE FROM probes")

        await self._write(work)

    def bind_session(self, session_id: str, backend_session_id: str) -> None:
        """Note the CLI's own id of the conversation. Written in a moment; the log has it if that fails."""
        work = partial(sessions.bind, session_id=session_id, backend_session_id=backend_session_id)
        done = self._worker.note(session_id, lambda: work)
        done.add_done_callback(log_refusal(f"{session_id} was not bound to {backend_session_id}"))

    async def session(self, session_id: str) -> Session:
        """Raises SessionNotFound."""
        return await self._read(partial(sessions.get, session_id=session_id))

    async def session_like(self, prefix: str) -> Session:
        """The session of that id, or the only one whose id begins so. Raises SessionNotFound, SessionAmbiguous."""
        return await self._read(partial(sessions.like, prefix=prefix))

    async def newest_session(self, backend: str, workdir: str) -> Session | None:
        """The one used last with that backend in that folder."""
        return await self._read(partial(sessions.newest, backend=backend, workdir=workdir))

    async def sessions(self, query: SessionQuery) -> Page[Session]:
        """A page, newest use first. Raises InvalidInput where its cursor is wrong."""
        return await self._read(partial(sessions.page, query=query))

    async def mark_for_deletion(self, session_id: str) -> Session:
        """From now on there is no such session but for `marked` and `remove_session`; its runs stay till then.

        As it was; raises SessionNotFound, for one that is marked too.
        """
        return await self._write(partial(sessions.mark, session_id=session_id))

    async def marked(self, limit: int = 200) -> list[Session]:
        """Those marked and not yet removed, the first marked first."""
        return await self._read(partial(sessions.marked, limit=limit))

    async def remove_session(self, session_id: str) -> list[str]:
        """Delete a session, marked or not, and its runs, both or neither; the ids of those runs.

        Raises SessionNotFound.
        """

        def work(db: sqlite3.Connection) -> list[str]:
            if not sessions.remove(db, session_id):
                raise SessionNotFound(session_id)
            return runs.remove_of_session(db, session_id)

        return await self._erase(work)

    async def begin_run(self, record: RunRecord, session: Session | None = None, *, is_new: bool = False) -> None:
        """Keep a run that begins, and its session as it is from now on, both or neither.

        Raises SessionNotFound where the session is not new and was removed meanwhile.
        """

        def work(db: sqlite3.Connection) -> None:
            if session:
                (sessions.add if is_new else sessions.save)(db, session)
            runs.put(db, record)

        await self._worker.submit(work, writes=True, apart=True)

    async def end_run(self, record: RunRecord, session: Session | None = None) -> None:
        """Keep a run's end, and its session as it is after it, both or neither.

        A session that was removed or marked meanwhile stays so. The run is kept, for its readers; as one of no
        session where that was removed, for else nothing would ever remove it.
        """

        def work(db: sqlite3.Connection) -> None:
            has_session = (
                session is None or sessions.save_if_there(db, session) or sessions.is_marked(db, session.id)
            )
            runs.end(db, record if has_session else replace(record, session_id=None))

        self._worker.drop_note(record.id)
        if session:
            self._worker.drop_note(session.id)
        await self._worker.submit(work, writes=True, apart=True)

    def note_view(self, run_id: str, view: Callable[[], bytes]) -> None:
        """Keep what readers get of a run, as it is in a moment; its end says more, if it comes before that.

        Nothing if the run is gone; the log has it if it cannot be kept.
        """
        done = self._worker.note(run_id, lambda: partial(runs.save_view, run_id=run_id, view=view()))
        done.add_done_callback(log_refusal(f"what was learned of {run_id} was not kept"))

    async def run(self, run_id: str) -> RunRecord:
        """Raises RunNotFound."""
        return await self._read(partial(runs.get, run_id=run_id))

    async def runs(self, query: RunQuery) -> Page[RunRecord]:
        """A page, newest first; its records have no `request`. Raises InvalidInput where the cursor is wrong."""
        return await self._read(partial(runs.page, query=query))

    async def unended_runs(self) -> list[RunRecord]:
        """Every run that has not ended: at boot, those of a server that died."""
        return await self._read(runs.unended)

    async def remove_oldest_runs(self, surplus_bytes: int) -> list[str]:
        """Delete ended runs that have a log, oldest end first, until `surplus_bytes` of logs are free; their ids.

        Fewer where there are no more. What has not ended is never deleted.
        """
        return await self._erase(partial(runs.remove_oldest, surplus_bytes=surplus_bytes))

    async def expire(self, before: float, limit: int = 200) -> Expired:
        """Do one batch with what is older than `before`; call it until it has nothing more to say.

        At most `limit` runs of no session that ended before are deleted; at most `limit` sessions that nobody
        used since, and that are not under way, are marked for deletion. A session's runs live as long as it does.
        """

        def work(db: sqlite3.Connection) -> Expired:
            ended = runs.remove_ended(db, before, limit)
            return Expired(tuple(ended), sessions.mark_unused(db, before, limit))

        return await self._erase(work)

    async def claim_key(self, claim: Claim) -> Claim | None:
        """The claim that there is on the idempotency key, else None: from now on it is `claim`."""
        return await self._write(partial(keys.claim, new=claim))

    async def release_key(self, claim: Claim) -> None:
        """Its key may be used for anything again: nothing was started."""
        await self._write(partial(keys.release, claim=claim))

    async def end_key(self, claim: Claim, answer: bytes | None, last_line: bytes | None) -> None:
        """Keep how the operation of a key ended, but nothing of runs that were deleted meanwhile."""
        await self._write(partial(keys.end, claim=claim, answer=answer, last_line=last_line))

    async def expire_keys(self, now: float) -> None:
        """Delete the keys that hold no more at the time `now`, with their answers."""
        await self._erase(partial(keys.expire, now=now))

    async def _read(self, work: Work[T]) -> T:
        return await self._worker.submit(work, writes=False)

    async def _write(self, work: Work[T]) -> T:
        return await self._worker.submit(work, writes=True)

    async def _erase(self, work: Work[T]) -> T:
        return await self._worker.submit(work, writes=True, erases=True)
