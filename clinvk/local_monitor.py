"""The monitor of the server in this very process."""

from collections.abc import AsyncGenerator
from typing import Final

from clinvk import __version__
from clinvk.api import backends
from clinvk.api.bookkeeping import CONSOLE
from clinvk.api.native import rerun
from clinvk.api.services import Services
from clinvk.clock import rfc3339
from clinvk.domain.events import Entry
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import StopCause
from clinvk.domain.spec import Origin
from clinvk.supervisor import view
from clinvk.telemetry.audit import Who
from clinvk.telemetry.logging import LogRing
from clinvk.views import (
    BackendStatus,
    BackendView,
    Inspection,
    LogLine,
    RequestView,
    RunPage,
    RunView,
    SessionPage,
    SessionView,
    Status,
)

_WHO: Final = Who(CONSOLE)
"""What is done through a monitor is done at a console: the API's own endpoints know who asks."""


class LocalMonitor:
    """`clinvk.monitor.Monitor` over the parts of a server, and the newest lines of its log."""

    def __init__(self, services: Services, log: LogRing) -> None:
        self._services = services
        self._supervisor = services.supervisor
        self._log = log

    async def status(self) -> Status:
        services, supervisor = self._services, self._supervisor
        return Status(
            version=__version__,
            address=services.address,
            at=rfc3339(services.clock.wall()),
            uptime_secs=round(supervisor.uptime_secs, 3),
            live=supervisor.live,
            queued=supervisor.queued,
            lingering=supervisor.lingering,
            limit=supervisor.limits.max_concurrent_runs,
            draining=supervisor.draining,
            keeps_content=supervisor.sessions.options.store_content,
            backends=tuple(map(self._backend, supervisor.registry.names())),
            store=supervisor.store_status,
            pulse=services.pulse.read(),
        )

    async def backends(self) -> tuple[BackendView, ...]:
        return await backends.look(self._services)

    async def requests(self, limit: int) -> tuple[RequestView, ...]:
        return self._services.requests.newest(limit)

    def log(self, since: int = 0) -> AsyncGenerator[list[LogLine], None]:
        return self._log.follow(since)

    async def runs(self, query: RunQuery) -> RunPage:
        return await self._supervisor.history.page(query)

    async def run(self, run_id: str) -> RunView:
        return await self._supervisor.history.find(run_id)

    async def inspect(self, run_id: str) -> Inspection:
        history = self._supervisor.history
        if run_id in history:
            return await history.handle(run_id).runner.inspect()
        ended = (await history.find(run_id)).exit
        return Inspection((), ended.stderr_tail if ended else "")

    def events(self, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        return self._supervisor.journal.follow(since)

    async def run_events(self, run_id: str, since: int = 0) -> AsyncGenerator[list[Entry], None]:
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
        return await self._services.books.delete_session(session_id, _WHO)

    async def stop(self, run_id: str, cause: StopCause) -> RunView:
        self._services.books.stop_run(run_id, cause, _WHO)
        return await self.run(run_id)

    async def rerun(self, run_id: str, backend: str | None = None) -> RunView:
        origin = Origin(client=CONSOLE, base_url=self._services.address)
        again = await rerun.begin(self._services, run_id, backend, origin)
        return await self.run(again.id)

    def _backend(self, name: str) -> BackendStatus:
        probe, options = self._supervisor.probe, self._supervisor.limits.backends.get(name)
        available = probe.found(name) is not None
        missed = not available and not probe.is_looking(name)
        return BackendStatus(name, available, missed=bool(options and options.wanted and missed))
