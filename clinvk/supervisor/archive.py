"""Runs of earlier servers, as the store and the spool have them: found, replayed, and given an end."""

import logging
from dataclasses import replace
from datetime import datetime

import orjson

from clinvk.clock import Clock
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode, RunError, SessionNotFound, StoreUnavailable
from clinvk.domain.judge import Judgement
from clinvk.domain.run import RunState
from clinvk.domain.session import Session
from clinvk.store.records import RunRecord
from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor import request, view
from clinvk.supervisor.log import EventLog
from clinvk.views import RunView

_log = logging.getLogger("clinvk.history")


class Archive:
    """What is on disk of runs that are not at hand."""

    def __init__(self, clock: Clock, spool: Spool | None, store: Store) -> None:
        self._clock = clock
        self._spool = spool
        self._store = store

    async def find(self, run_id: str) -> RunView:
        """A run, with the request for it if that is kept. Raises RunNotFound, StoreUnavailable."""
        record = await self._store.run(run_id)
        asked = request.as_curl(record.request) if record.request else None
        return replace(view.read(record.view), request_as_curl=asked)

    async def log(self, run_id: str) -> EventLog:
        """A run's log, closed, what was lost of it being told. Raises RunNotFound, StoreUnavailable."""
        seen = view.read((await self._store.run(run_id)).view)
        log = await self._reopened(seen)
        if not log.length:  # nothing was kept, and nothing shall be
            log = EventLog(self._clock, view.labels(seen))
        _close(log, seen, lost=log.length + 1 < seen.events)
        return log

    async def bury(self) -> None:
        """Give every run that was live when the last server died its end: failed, `interrupted`.

        A run that cannot be is logged and left: nothing of an earlier life may keep a server from its own.
        """
        try:
            unended = await self._store.unended_runs()
        except StoreUnavailable as error:
            _log.error("what the last server left unended stays so: %s", error.reason)
            return
        for record in unended:
            try:
                await self._bury(record)
            except Exception:  # noqa: BLE001  a row that another version wrote, a disk that is full
                _log.exception("%s could not be given an end", record.id)

    async def _bury(self, record: RunRecord) -> None:
        error = RunError(ErrorCode.INTERRUPTED, "The server died while the run was live; send the prompt again")
        seen = view.read(record.view)
        log = await self._reopened(seen)
        heard = await _last_heard(seen, log)
        seen = view.interrupted(seen, heard, record.created_at, error)
        _close(log, seen, lost=True)  # as far as anybody knows
        last = view.kept(replace(seen, events=log.length))
        ended = replace(record, state=RunState.FAILED, finished_at=heard, log_bytes=log.bytes, view=last)
        await self._store.end_run(ended, await self._session_after(record, seen, heard))

    async def _session_after(self, record: RunRecord, seen: RunView, heard: float) -> Session | None:
        if record.session_id is None:
            return None
        try:
            session = await self._store.session(record.session_id)
        except SessionNotFound:  # it is being deleted
            return None
        return session.turn_ended(heard, RunState.FAILED, seen.token_usage)

    async def _reopened(self, seen: RunView) -> EventLog:
        """The log of a run, open at its end."""
        return await EventLog.reopen(self._clock, view.labels(seen), self._spool, seen.id)


async def _last_heard(seen: RunView, log: EventLog) -> float:
    """When a run gave the last sign of life that is known."""
    at = datetime.fromisoformat(seen.started_at or seen.created_at)
    for newest in await log.read(log.length - 1) if log.length else ():
        try:
            at = datetime.fromisoformat(orjson.loads(newest.line)["at"])
        except ValueError:  # it was damaged on disk: when the run started is known from elsewhere
            _log.error("the newest event of %s is damaged", seen.id)
    return at.timestamp()


def _close(log: EventLog, seen: RunView, *, lost: bool) -> None:
    """Close a log, its last entry being how the run ended: what is missing of that is added, and `lost` told."""
    if not log.is_whole:
        if lost:
            log.append(events.Notice(f"{events.TRUNCATED}later events of this run were not kept"))
        seconds = round((seen.duration_ms or 0) / 1000, 3)
        code = Judgement(seen.state).code
        log.append(events.RunFinished(seen.state, code, seconds, seen.token_usage, seen.error, seen.continuation))
    log.close()
