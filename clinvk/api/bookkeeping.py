"""What is counted of all runs, and what is written down of who did what, however it was asked for."""

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import orjson

from clinvk import __version__
from clinvk.clock import Clock
from clinvk.domain import events
from clinvk.domain.errors import RunNotFound
from clinvk.domain.events import Entry
from clinvk.domain.run import Run, StopCause
from clinvk.domain.spec import Origin
from clinvk.telemetry.audit import Action, Auditor, Details, Who

if TYPE_CHECKING:
    from clinvk.api.services import Services

_log = logging.getLogger("clinvk.audit")

CONSOLE: Final = "console"
_WHAT_IT_LEFT: Final = "The run has ended, and what it left to linger was stopped"
_DENIED: Final = frozenset({401, 403})
_DENIALS: Final = 30
_WINDOW_SECS: Final = 60.0


def who(origin: Origin) -> Who:
    """Whoever sent a request."""
    via = CONSOLE if origin.client == CONSOLE else origin.dialect
    client = None if origin.client == CONSOLE else origin.client
    return Who(via, origin.key_label, client or None, origin.request_id)


class Books:
    """What one server counts and writes down. Whoever acts for somebody acts through them."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._live: dict[str, Run] = {}
        self._told: set[str] = set()
        """Runs whose stop is written down already, by whoever carried it out."""
        self._denials = _Denials(services.clock)

    async def keep(self) -> None:
        """Follow the life of every run. Runs until cancelled."""
        async for batch in self._services.supervisor.journal.follow():
            for entry in batch:
                self._enter(entry)

    def stop_run(self, run_id: str, cause: StopCause, by: Who) -> None:
        """Ask for a run's end, and for that of what it left, and write down who did.

        Nothing happens where it has ended, or is about to, and left nothing.
        """
        supervisor = self._services.supervisor
        if run_id not in supervisor.history:
            return
        handle = supervisor.handle(run_id)
        run, before = handle.run, handle.run.stop
        supervisor.stop(run_id, cause)
        if run.stop is not before:
            self._told.add(run_id)
            self._services.audit.note(Action.RUN_STOP, run_id, by, _of(run))
        if handle.end_lingering():
            self._services.audit.note(Action.RUN_STOP, run_id, by, replace(_of(run), reason=_WHAT_IT_LEFT))

    async def delete_session(self, session_id: str, by: Who) -> tuple[str, ...]:
        """Delete one, and write that down: what of the CLI's could not be deleted. Raises what the keeper does."""
        left = await self._services.supervisor.keeper.delete(session_id)
        self._services.audit.note(Action.SESSION_DELETE, session_id, by)
        return left

    def server(self, action: Action, target: str = "") -> None:
        """Write down what the server does of itself, by default to itself."""
        details = Details(version=__version__, pid=os.getpid())
        self._services.audit.note(action, target or self._services.address, Who("server"), details)

    def asked(self, target: str, method: str, status: int, seconds: float, by: Who) -> None:
        """A request for the path `target` of the table has ended."""
        if self._services.metrics:
            self._services.metrics.request(target, method, status, seconds)
        if status in _DENIED:
            self._denials.note(self._services.audit, target, by, Details(method=method, status=status))

    def _enter(self, entry: Entry) -> None:
        if entry.type == events.Notice.type:
            _log.warning("not everything was counted, nor is in the audit log: %s", entry.line.decode())
            return
        run_id = orjson.loads(entry.line)["run_id"]
        try:
            run = self._live.get(run_id) or self._services.supervisor.handle(run_id).run
        except RunNotFound:
            _log.warning("%s of %s was not counted, nor is it in the audit log", entry.type, run_id)
            return
        self._note(entry.type, run)

    def _note(self, type_: str, run: Run) -> None:
        metrics = self._services.metrics
        match type_:
            case events.RunQueued.type:
                self._live[run.id] = run
                self._services.audit.note(Action.RUN_START, run.id, who(run.spec.origin), _of(run))
            case events.RunStarted.type if metrics:
                metrics.started(run)
            case events.RunStopping.type:
                self._stopped(run)
            case events.RunFinished.type:
                self._live.pop(run.id, None)
                self._told.discard(run.id)
                if metrics:
                    metrics.ended(run)

    def _stopped(self, run: Run) -> None:
        assert run.stop, "it was stopped"
        cause = run.stop.cause
        if self._services.metrics:
            self._services.metrics.stopped(run)
        if run.id not in self._told:
            left = replace(who(run.spec.origin), via=cause) if cause is StopCause.DISCONNECT else Who(cause)
            self._services.audit.note(Action.RUN_STOP, run.id, left, _of(run))


class _Denials:
    """Who was not let in: so many lines a minute, and then how many more there were."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._told = self._unsaid = 0

    def note(self, audit: Auditor, target: str, by: Who, more: Details) -> None:
        now = self._clock.monotonic()
        if now - self._began >= _WINDOW_SECS:
            self._began, self._told = now, 0
        if self._told >= _DENIALS:
            self._unsaid += 1
            return
        audit.note(Action.ACCESS_DENIED, target, by, replace(more, unsaid=self._unsaid or None))
        self._told, self._unsaid = self._told + 1, 0


def _of(run: Run) -> Details:
    spec = run.spec
    return Details(
        group_id=spec.origin.group_id,
        session_id=spec.session_id,
        backend=spec.backend,
        workdir=spec.workdir,
        approval_mode=spec.approval_mode,
        sandbox_mode=spec.sandbox_mode,
        reason=run.stop.detail or None if run.stop else None,
    )
