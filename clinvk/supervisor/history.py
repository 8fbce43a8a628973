"""The runs there are: live ones and those that ended, in memory and in the store."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from clinvk.clock import Clock
from clinvk.domain.errors import RunNotFound, StoreUnavailable
from clinvk.domain.events import Event, RunStarted
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import Run
from clinvk.domain.session import Session
from clinvk.store.jobs import RecordTooLong
from clinvk.store.records import RunRecord
from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor import request, view
from clinvk.supervisor.archive import Archive
from clinvk.supervisor.arrears import Arrears, put
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.log import EventLog
from clinvk.views import RunPage, RunView

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
        self._archive = Archive(clock, spool, store) if store else None
        self._handles: dict[str, RunHandle] = {}
        self._live: dict[str, RunHandle] = {}
        """Those of them that may not have ended: there are few, and they are asked for often."""
        self._holding: dict[str, RunHandle] = {}
        """Those that have, and whose logs may still be in memory."""
        self._arrears = Arrears(store)
        self._forgetting = asyncio.Lock()

    def add(self, handle: RunHandle) -> None:
        """Have it at hand, and how it started kept, for whoever reads of it after our death."""

        def note(_: Event) -> None:
            if self._store and not self._store.failure:
                self._store.note_view(handle.id, lambda: self._kept(self._view(handle)))

        self._handles[handle.id] = self._live[handle.id] = handle
        handle.log.observe(note, (RunStarted,))

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
        return [handle for handle in self._live.values() if not handle.run.state.ended]

    def view(self, run_id: str) -> RunView:
        """One at hand. Raises RunNotFound."""
        return self._view(self.handle(run_id))

    async def find(self, run_id: str) -> RunView:
        """One at hand, or in the store, with the request for it if there still is one.

        Raises RunNotFound, StoreUnavailable.
        """
        if run_id not in self._handles and self._archive:
            return await self._archive.find(run_id)
        handle = self.handle(run_id)
        asked = await self._request(handle)
        return replace(self._view(handle), request_as_curl=request.as_curl(asked) if asked else None)

    async def request(self, run_id: str) -> str | None:
        """What asks for the run once more, as it is stored; None where that is not kept.

        Raises RunNotFound, StoreUnavailable.
        """
        if run_id not in self._handles and self._store:
            return (await self._store.run(run_id)).request
        return await self._request(self.handle(run_id))

    async def page(self, query: RunQuery) -> RunPage:
        """Live and ended ones, newest first. Raises InvalidInput where the cursor is wrong."""
        asks_for_live = query.live or query.lingering or (query.state is not None and not query.state.ended)
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
        if run_id in self._handles or self._archive is None:
            return self.handle(run_id).log
        return await self._archive.log(run_id)

    async def bury(self) -> None:
        """Give every run that was live when the last server died its end."""
        if self._archive:
            await self._archive.bury()

    async def begin(self, run: Run, session: Session | None, *, is_new: bool) -> None:
        """Keep a run that begins. Raises StoreUnavailable, SessionNotFound; then nothing is kept."""
        if self._store is None:
            return
        begin = partial(self._store.begin_run, session=session, is_new=is_new)
        try:
            await put(begin, self._record(run, view.of(run, 0, run.created_at), 0))
        except RecordTooLong as error:
            raise StoreUnavailable(str(error)) from error

    async def end(self, handle: RunHandle, session: Session | None) -> None:
        """Keep a run's end, before anybody is told. What the store refuses is owed: the run ends anyway.

        What no store could ever keep is not owed: raises RecordTooLong, or what our mistake was.
        """
        await self._arrears.end(self._record(handle.run, self._last_view(handle), handle.log.bytes), session)

    @property
    def owes(self) -> bool:
        """Whether the store lacks what it should have."""
        return self._arrears.count > 0

    @property
    def lacks(self) -> bool:
        """Whether it does, or refuses to be written."""
        return self.owes or bool(self._store and self._store.failure)

    async def settle(self) -> None:
        """Keep what the store refused before, now that it may work again: one that it still refuses holds up no
        other. Raises StoreUnavailable where it fails, or refused any.
        """
        await self._arrears.settle()

    def note_exit(self, handle: RunHandle) -> None:
        """Have it kept how the process of a run ended that had ended before it."""
        if self._store and handle.run.state.ended and handle.id not in self._arrears:
            self._store.note_view(handle.id, lambda: self._kept(self._last_view(handle)))

    def ended(self, handle: RunHandle) -> None:
        """It has, and everybody was told: what is at hand of ended ones is kept within its bounds."""
        if self._live.pop(handle.id, None):
            self._holding[handle.id] = handle
        self._forget_at_hand()

    @property
    def keeps_too_much(self) -> bool:
        """Whether the store has more of what runs said than it should."""
        return self._store is not None and self._store.log_bytes > self._retention.log_bytes

    async def forget_surplus(self) -> None:
        """Keep what is kept of ended runs within its bounds, the oldest going first."""
        self._forget_at_hand()
        async with self._forgetting:  # two at once would each delete all of the surplus
            if self._store and self.keeps_too_much:
                surplus = self._store.log_bytes - self._retention.log_bytes
                try:
                    await self.drop(await self._store.remove_oldest_runs(surplus))
                except StoreUnavailable as error:
                    _log.warning("more is kept of what runs said than should be: %s", error.reason)

    def _forget_at_hand(self) -> None:
        self._holding = {id_: handle for id_, handle in self._holding.items() if handle.log.memory_bytes}
        surplus = len(self._handles) - len(self._live) - self._retention.runs
        memory = sum(handle.log.memory_bytes for handle in self._holding.values())
        if self._store and surplus <= 0 and memory <= _MEMORY_BYTES:
            return
        at_hand = [
            handle for handle in self._handles.values() if handle.id not in self._live and not handle.lingers_until
        ]
        size = 0 if self._store else sum(handle.log.bytes for handle in at_hand)
        for handle in at_hand:
            if surplus <= 0 and size <= self._retention.log_bytes and memory <= _MEMORY_BYTES:
                break
            surplus -= 1
            size -= handle.log.bytes
            memory -= handle.log.memory_bytes
            del self._handles[handle.id]
            self._holding.pop(handle.id, None)
            if self._store is None:
                handle.log.discard()

    async def drop(self, run_ids: Collection[str]) -> None:
        """Forget runs that the store has let go: what they said, too."""
        for run_id in run_ids:
            if run_id in self._handles:
                self._handles[run_id].end_lingering()
            for known in (self._handles, self._live, self._holding):
                known.pop(run_id, None)
            self._arrears.forget(run_id)
        if self._spool:
            await self._spool.delete(run_ids)

    async def close(self) -> None:
        """Keep what is still owed; without a store forget everything, since nobody could find it again."""
        if self._store is None:
            for handle in self._handles.values():
                handle.log.discard()
            return
        try:
            await self.settle()
        except StoreUnavailable as error:
            _log.error("the ends of %d runs are lost: %s", self._arrears.count, error.reason)

    async def _request(self, handle: RunHandle) -> str | None:
        """What would ask for the run once more: of one that has ended, only if that is kept."""
        if not handle.run.state.ended:
            return request.kept(handle.run.spec)
        if handle.id in self._arrears:
            return self._arrears.request(handle.id)
        try:
            return (await self._store.run(handle.id)).request if self._store else None
        except (RunNotFound, StoreUnavailable):
            return None

    def _record(self, run: Run, seen: RunView, log_bytes: int) -> RunRecord:
        content = self._retention.content()
        return RunRecord(
            id=run.id,
            backend=run.spec.backend,
            state=run.state,
            created_at=run.created_at,
            view=self._kept(seen),
            session_id=run.spec.session_id,
            group_id=run.spec.origin.group_id,
            finished_at=run.finished_at,
            request=request.kept(run.spec) if content else None,
            log_bytes=log_bytes if content else 0,
        )

    def _kept(self, seen: RunView) -> bytes:
        """`seen` as it is stored: where content is not kept, without what the client or the CLI wrote."""
        if self._retention.content():
            return view.kept(seen)
        silent = replace(seen.exit, stderr_tail="") if seen.exit else None
        return view.kept(replace(seen, prompt_preview="", exit=silent))

    def _last_view(self, handle: RunHandle) -> RunView:
        """A run that has ended, with the event that is still to tell so: who reads it later finds no process."""
        runner, log = handle.runner, handle.log
        around = view.Surroundings(runner.ticket.position, runner.command)
        return view.of(handle.run, log.length if log.closed else log.length + 1, self._clock.wall(), around)

    def _page_at_hand(self, query: RunQuery) -> RunPage:
        found = [handle for handle in reversed(self._handles.values()) if _wanted(handle, query)]
        page = found[query.offset : query.offset + query.limit]
        return RunPage(tuple(map(self._view, page)), len(found), query.limit, query.offset)

    def _newest_view(self, record: RunRecord) -> RunView:
        handle = self._handles.get(record.id)
        return self._view(handle) if handle else view.read(record.view)

    def _view(self, handle: RunHandle) -> RunView:
        runner = handle.runner
        around = view.Surroundings(runner.ticket.position, runner.command, runner.usage, handle.lingers_until)
        return view.of(handle.run, handle.log.length, self._clock.wall(), around)


def _wanted(handle: RunHandle, query: RunQuery) -> bool:
    run = handle.run
    return (
        not (query.live and run.state.ended)
        and not (query.lingering and not handle.lingers_until)
        and query.state in (None, run.state)
        and query.backend in (None, run.spec.backend)
        and query.session_id in (None, run.spec.session_id)
        and query.group_id in (None, run.spec.origin.group_id)
    )
