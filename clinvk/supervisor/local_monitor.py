"""The monitor of the server in this very process."""

from collections.abc import AsyncIterator

from clinvk import __version__
from clinvk.domain.events import Entry
from clinvk.domain.run import StopCause
from clinvk.monitor import BackendStatus, RunPage, RunQuery, RunView, Status
from clinvk.supervisor.supervisor import Supervisor


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
            backends=tuple(
                BackendStatus(name, supervisor.probe.found(name) is not None)
                for name in supervisor.registry.names()
            ),
            draining=supervisor.draining,
        )

    async def runs(self, query: RunQuery) -> RunPage:
        return self._supervisor.runs(query)

    async def run(self, run_id: str) -> RunView:
        return self._supervisor.view(run_id)

    def events(self, since: int = 0) -> AsyncIterator[list[Entry]]:
        return self._supervisor.journal.follow(since)

    def run_events(self, run_id: str, since: int = 0) -> AsyncIterator[list[Entry]]:
        return self._supervisor.handle(run_id).log.follow(since)

    async def stop(self, run_id: str, cause: StopCause) -> RunView:
        self._supervisor.stop(run_id, cause)
        return self._supervisor.view(run_id)
