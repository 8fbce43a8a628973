"""A server as a script has it: a `clinvk.monitor.Monitor` whose every answer a test decides."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any

from clinvk.clock import rfc3339
from clinvk.domain.errors import RunNotFound, SessionNotFound
from clinvk.domain.events import Entry
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import RunState, StopCause
from clinvk.views import (
    BackendStatus,
    BackendView,
    Inspection,
    LogLine,
    Pulse,
    RequestView,
    RunPage,
    RunView,
    SessionPage,
    SessionView,
    Status,
    StoreStatus,
)
from tests.tui.samples import NOW, a_run, at, entries


class FixedClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = NOW

    def wall(self) -> float:
        return self.time

    monotonic = wall


@dataclass
class Server:
    """What the script of a test says: change it, then call `tell`."""

    clock: FixedClock = field(default_factory=FixedClock)
    runs_: dict[str, RunView] = field(default_factory=dict)
    sessions_: list[SessionView] = field(default_factory=list)
    backends_: tuple[BackendView, ...] = ()
    requests_: tuple[RequestView, ...] = ()
    lines: list[LogLine] = field(default_factory=list)
    logs: dict[str, list[Entry]] = field(default_factory=dict)
    inspection: Inspection = field(default_factory=lambda: Inspection((), ""))
    pulse: Pulse = field(default_factory=lambda: Pulse((0,) * 60, (0,) * 60, 1.0, 90 << 20))
    trouble: Exception | None = None
    """What every call raises."""
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    """What was asked for that changes something."""

    def __post_init__(self) -> None:
        self._journal: list[Entry] = []
        self._news: list[asyncio.Event] = []
        self._ids = itertools.count(900)
        self.lives = 1

    def put(self, *runs: RunView) -> None:
        """Runs as they are now; the journal tells of each."""
        for run in runs:
            self.runs_[run.id] = run
            seq = len(self._journal)
            self._journal += entries({"type": "run.queued", "position": 0}, run=run.id, first=seq)
        self.tell()

    def restart(self) -> None:
        """Another life: nothing is left, and the journal is numbered anew."""
        self.runs_.clear()
        self._journal = []
        self.lives += 1
        self.tell()

    def say(self, id_: str, *events: dict[str, Any]) -> None:
        """More events of one run."""
        log = self.logs.setdefault(id_, [])
        log += entries(*events, run=id_, first=len(log))
        self.tell()

    def tell(self) -> None:
        news, self._news = self._news, []
        for one in news:
            one.set()

    async def status(self) -> Status:
        self._check()
        live = [run for run in self.runs_.values() if not run.state.ended]
        queued = sum(run.state is RunState.QUEUED for run in live)
        return Status(
            version="0.1.0",
            address="http://127.0.0.1:8080",
            at=rfc3339(self.clock.wall()),
            uptime_secs=9000.0,
            live=len(live) - queued,
            queued=queued,
            lingering=sum(run.lingers_until is not None for run in self.runs_.values()),
            limit=8,
            draining=False,
            keeps_content=True,
            backends=(BackendStatus("demo", available=True),),
            store=StoreStatus(len(self.sessions_), None),
            pulse=self.pulse,
        )

    async def backends(self) -> tuple[BackendView, ...]:
        self._check()
        return self.backends_

    async def requests(self, limit: int) -> tuple[RequestView, ...]:
        self._check()
        return self.requests_[:limit]

    async def log(self, since: int = 0) -> AsyncGenerator[list[LogLine], None]:
        async for batch in self._follow(self.lines, since, lambda: False):
            yield batch

    async def runs(self, query: RunQuery) -> RunPage:
        self._check()
        found = [run for _, run in sorted(self.runs_.items(), reverse=True) if _wanted(run, query)]
        start = int(query.cursor or 0) + query.offset
        page = found[start : start + query.limit]
        after = str(start + query.limit) if start + query.limit < len(found) and not query.live else None
        return RunPage(tuple(page), len(found), query.limit, query.offset, after)

    async def run(self, run_id: str) -> RunView:
        self._check()
        if run_id not in self.runs_:
            raise RunNotFound(run_id)
        return self.runs_[run_id]

    async def inspect(self, run_id: str) -> Inspection:
        self._check()
        return self.inspection

    async def events(self, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        self._check()
        life = self.lives
        async for batch in self._follow(self._journal, since, lambda: self.lives != life):
            yield batch
        async for batch in self._follow(self._journal, 0, lambda: False):
            yield batch

    async def run_events(self, run_id: str, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        await self.run(run_id)
        log = self.logs.setdefault(run_id, [])
        async for batch in self._follow(log, since, lambda: bool(log) and log[-1].type == "run.finished"):
            yield batch

    async def sessions(self, query: SessionQuery) -> SessionPage:
        self._check()
        start = int(query.cursor or 0) + query.offset
        page = tuple(self.sessions_[start : start + query.limit])
        after = str(start + query.limit) if start + query.limit < len(self.sessions_) else None
        return SessionPage(page, len(self.sessions_), query.limit, query.offset, after)

    async def session(self, prefix: str) -> SessionView:
        self._check()
        for session in self.sessions_:
            if session.id == prefix:
                return session
        raise SessionNotFound(prefix)

    async def delete_session(self, session_id: str) -> tuple[str, ...]:
        session = await self.session(session_id)
        self.sessions_.remove(session)
        self.asked.append(("delete", session_id))
        return ()

    async def stop(self, run_id: str, cause: StopCause) -> RunView:
        run = await self.run(run_id)
        self.asked.append(("stop", run_id, cause))
        if not run.state.ended:
            self.put(replace(run, state=RunState.CANCELLED, finished_at=at(0), duration_ms=5000, stop_cause=cause))
        return self.runs_[run_id]

    async def rerun(self, run_id: str, backend: str | None = None) -> RunView:
        run = await self.run(run_id)
        self.asked.append(("rerun", run_id, backend))
        again = a_run(next(self._ids), RunState.RUNNING, 0.0, backend=backend or run.backend)
        self.put(again)
        return again

    def _check(self) -> None:
        if self.trouble:
            raise self.trouble

    async def _follow(self, log: list[Any], since: int, closed: Any) -> AsyncGenerator[list[Any], None]:
        while True:
            self._check()
            batch = log[since : since + 1000]
            if batch:
                since += len(batch)
                yield batch
            elif closed():
                return
            else:
                news = asyncio.Event()
                self._news.append(news)
                await news.wait()


def _wanted(run: RunView, query: RunQuery) -> bool:
    return (
        query.state in (None, run.state)
        and not (query.live and run.state.ended)
        and not (query.lingering and not run.lingers_until)
        and query.backend in (None, run.backend)
        and query.session_id in (None, run.session_id)
        and query.group_id in (None, run.group_id)
    )
