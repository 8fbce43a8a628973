"""The runs there are: live ones and those that ended, in memory and in the store."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from clinvk.clock import Clock
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode, RunError, RunNotFound, StoreUnavailable
from clinvk.domain.judge import Judgement
from clinvk.domain.run import Run, RunState
from clinvk.domain.session import Session
from clinvk.monitor import RunPage, RunQuery, RunView
from clinvk.store.records import RunRecord
from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor import view
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.log import EventLog

_log = logging.getLogger("clinvk.history")

_MEMORY_BYTES: Final = 64 << 20
"""What the logs of ended runs may hold in memory, where no spool has them."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of ended runs: so many at hand, so many bytes of logs, and whether their content at all."""

    runs: int
    log_bytes: int
    content: Callable[[], bool]


class History:
    """Finds runs. What ended is at hand for a while, then read from the store."""

    def __init__(self, clock: Clock, retention: Retention, spool: Spool | None, store: Store | None) -> None:
        self._clock = clock
        self._retention = retention
        self._spool = spool
        self._store = store
        self._handles: dict[str, RunHandle] = {}

    def add(self, handle: RunHandle) -> None:
        self._handles[handle.id] = handle

    def __contains__(self, run_id: str) -> bool:
        """Whether it is at hand: what is not has ended, if it ever was."""
        return run_id in self._handles

    def handle(self, run_id: str) -> RunHandle:
        """A run of this server, at hand. Raises RunNotFound."""
        try:
            return self._handles[run_id]
        except KeyError:
            raise RunNotFound(run_id) from None

    def live(self) -> list[RunHandle]:
        """Those that have not ended."""
        return [handle for handle in self._handles.values() if not handle.run.state.ended]

    def view(self, run_id: str) -> RunView:
        """One at hand. Raises RunNotFound."""
        return self._view(self.handle(run_id))

    async def find(self, run_id: str) -> RunView:
        """One at hand, or in the store. Raises RunNotFound, StoreUnavailable."""
        if run_id in self._handles or self._store is None:
            return self.view(run_id)
        return view.read((await self._store.run(run_id)).view)

    async def page(self, query: RunQuery) -> RunPage:
        """Live and ended ones, newest first. Raises InvalidInput where the cursor is wrong."""
        asks_for_live = query.state is not None and not query.state.ended
        # A store that fails may lack the newest: what is at hand is better. /health tells it.
        if self._store and self._store.failure is None and not asks_for_live:
            try:
                kept = await self._store.runs(query)
            except StoreUnavailable:
                return self._page_at_hand(query)
            found = tuple(self._newest_view(record) for record in kept.items)
            return RunPage(found, kept.total, query.limit, query.offset, kept.next_cursor)
        return self._page_at_hand(query)

    async def log(self, run_id: str) -> EventLog:
        """A run's log; of one of an earlier server, what there is of it. Raises RunNotFound, StoreUnavailable."""
        if run_id in self._handles or self._store is None:
            return self.handle(run_id).log
        seen = view.read((await self._store.run(run_id)).view)
        log = await self._reopened(seen)
        if not log.length:  # nothing was kept, and nothing shall be
            log = EventLog(self._clock, view.labels(seen.id, seen.session_id, seen.backend))
        _close(log, seen)
        return log

    async def begin(self, run: Run, session: Session | None, *, is_new: bool) -> None:
        """Keep a run that begins. Raises StoreUnavailable, SessionNotFound; then nothing is kept."""
        if self._store:
            await self._store.begin_run(self._record(run, view.of(run, 0, run.created_at, None, None), 0),
                                        session, is_new=is_new)  # fmt: skip

    async def end(self, handle: RunHandle, session: Session | None) -> None:
        """Keep a run's end, before anybody is told. What the store refuses is logged: the run ends anyway."""
        if self._store is None:
            return
        seen = replace(self._view(handle), events=handle.log.length + 1)
        try:
            await self._store.end_run(self._record(handle.run, seen, handle.log.bytes), session)
        except StoreUnavailable as error:
            _log.error("the end of %s was not kept: %s", handle.id, error.reason)

    async def forget_surplus(self) -> None:
        """Keep what is kept of ended runs within its bounds, the oldest going first."""
        at_hand = [handle for handle in self._handles.values() if handle.run.state.ended]
        surplus = len(at_hand) - self._retention.runs
        memory = sum(handle.log.memory_bytes for handle in at_hand)
        size = 0 if self._store else sum(handle.log.bytes for handle in at_hand)
        for handle in at_hand:
            if surplus <= 0 and size <= self._retention.log_bytes and memory <= _MEMORY_BYTES:
                break
            surplus -= 1
            size -= handle.log.bytes
            memory -= handle.log.memory_bytes
            del self._handles[handle.id]
            if self._store is None:
                handle.log.discard()
        if self._store and self._store.log_bytes > self._retention.log_bytes:
            self.drop(await self._store.remove_oldest_runs(self._store.log_bytes - self._retention.log_bytes))

    def drop(self, run_ids: Iterable[str]) -> None:
        """Forget runs that the store has let go: what they said, too."""
        for run_id in run_ids:
            self._handles.pop(run_id, None)
            if self._spool:
                self._spool.discard(run_id)

    async def bury(self) -> None:
        """Give every run that was live when the last server died its end: failed, `interrupted`."""
        for record in await self._store.unended_runs() if self._store else ():
            await self._bury(record)

    async def _bury(self, record: RunRecord) -> None:
        assert self._store
        now = self._clock.wall()
        error = RunError(ErrorCode.INTERRUPTED, "The server died while the run was live; send the prompt again")
        seen = view.interrupted(view.read(record.view), now, record.created_at, error)
        log = await self._reopened(seen)
        _close(log, seen)
        ended = replace(record, state=RunState.FAILED, finished_at=now, log_bytes=log.bytes,
                        view=view.kept(replace(seen, events=log.length)))  # fmt: skip
        session = await self._store.session(record.session_id) if record.session_id else None
        after = session.turn_ended(now, RunState.FAILED, seen.token_usage) if session else None
        await self._store.end_run(ended, after)

    async def _reopened(self, seen: RunView) -> EventLog:
        """The log of a run of an earlier server, open at its end."""
        labels = view.labels(seen.id, seen.session_id, seen.backend)
        return await EventLog.reopen(self._clock, labels, self._spool, seen.id)

    def _record(self, run: Run, seen: RunView, log_bytes: int) -> RunRecord:
        content = self._retention.content()
        return RunRecord(
            id=run.id,
            backend=run.spec.backend,
            state=run.state,
            created_at=run.created_at,
            view=view.kept(seen if content else replace(seen, prompt_preview="")),
            session_id=run.spec.session_id,
            group_id=run.spec.origin.group_id,
            finished_at=run.finished_at,
            prompt=run.spec.prompt if content else None,
            log_bytes=log_bytes if content else 0,
        )

    def _page_at_hand(self, query: RunQuery) -> RunPage:
        found = [handle for handle in reversed(self._handles.values()) if _wanted(handle.run, query)]
        page = found[query.offset : query.offset + query.limit]
        return RunPage(tuple(map(self._view, page)), len(found), query.limit, query.offset)

    def _newest_view(self, record: RunRecord) -> RunView:
        handle = self._handles.get(record.id)
        return self._view(handle) if handle else view.read(record.view)

    def _view(self, handle: RunHandle) -> RunView:
        runner = handle.runner
        now = self._clock.wall()
        return view.of(handle.run, handle.log.length, now, runner.ticket.position, runner.command)


def _wanted(run: Run, query: RunQuery) -> bool:
    return (
        query.state in (None, run.state)
        and query.backend in (None, run.spec.backend)
        and query.session_id in (None, run.spec.session_id)
    )


def _close(log: EventLog, seen: RunView) -> None:
    """Close a log, its last entry being how the run ended: if that was not kept, say so and add it."""
    if not log.is_whole:
        _append_end(log, seen)
    log.close()


def _append_end(log: EventLog, seen: RunView) -> None:
    log.append(events.Notice("truncated: later events of this run were not kept"))
    seconds = round((seen.duration_ms or 0) / 1000, 3)
    code = Judgement(seen.state).code
    log.append(events.RunFinished(seen.state, code, seconds, seen.token_usage, seen.error, seen.continuation))
