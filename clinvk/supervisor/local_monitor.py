"""The monitor of the server in this very process."""

from collections.abc import AsyncIterator

from clinvk import __version__
from clinvk.domain.events import Entry
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import StopCause
from clinvk.supervisor import view
from clinvk.supervisor.supervisor import Supervisor
from clinvk.views import BackendStatus, RunPage, RunView, SessionPage, SessionView, Status


class LocalMonitor:
    """`clinvk.monitor.Monitor` over a supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def status(self) -> Status:
        supervisor = self._supervisor
        return Status(
            version=__version__,
            uptime_secs=supervisor.uptime_secs,
            live=supervisor.live,
            queued=supervisor.queued,
            limit=supervisor.limits.max_concurrent_runs,
            backends=tuple(map(self._backend, supervisor.registry.names())),
            store=supervisor.store_status,
            draining=supervisor.draining,
        )

    async def runs(self, query: RunQuery) -> RunPage:
        return await self._supervisor.history.page(query)

    async def run(self, run_id: str) -> RunView:
        return await self._supervisor.history.find(run_id)

    def events(self, since: int = 0) -> AsyncIterator[list[Entry]]:
        return self._supervisor.journal.follow(since)

    async def run_events(self, run_id: str, since: int = 0) -> AsyncIterator[list[Entry]]:
        log = await self._supervisor.history.log(run_id)
        async for batch in log.follow(since):
            yield batch

    async def sessions(self, query: SessionQuery) -> SessionPage:
        page = await self._supervisor.sessions.store.sessions(query)
        found = tuple(map(view.of_session, page.items))
        return SessionPage(found, page.total, query.limit, query.offset, page.next_cursor)

    async def session(self, prefix: str) -> SessionView:
        return view.of_session(await self._supervisor.sessions.store.session_like(prefix))

    async def delete_session(self, session_id: str) -> tuple[str, ...]:
        return await self._supervisor.keeper.delete(session_id)

    async def stop(self, run_id: str, cause: StopCause) -> RunView:
        if run_id in self._supervisor.history:
            self._supervisor.stop(run_id, cause)
        return await self.run(run_id)

    def _backend(self, name: str) -> BackendStatus:
        available = self._supervisor.probe.found(name) is not None
        options = self._supervisor.limits.backends.get(name)
        return BackendStatus(name, available, missed=bool(options and options.wanted and not available))
