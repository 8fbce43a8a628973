"""The supervisor: takes runs, keeps them, stops them, drains."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from clinvk.backends.base import Backend
from clinvk.backends.registry import Registry
from clinvk.clock import Clock
from clinvk.domain.answer import Answer
from clinvk.domain.errors import BackendNotFound, InvalidInput, RunNotFound, SessionBusy, ShuttingDown
from clinvk.domain.events import Event, Lifecycle
from clinvk.domain.run import Run, Stop, StopCause
from clinvk.domain.spec import RunSpec
from clinvk.monitor import CommandView, RunPage, RunQuery, RunView
from clinvk.store.spool import Spool
from clinvk.supervisor import view
from clinvk.supervisor.deadlines import AttendedTime, Patience
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.log import EventLog
from clinvk.supervisor.pool import Pool
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.runner import Runner, Surroundings
from clinvk.supervisor.slots import Slots
from clinvk.supervisor.tasks import Tasks, first_of

_log = logging.getLogger("clinvk.run")


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """How one backend is set up, None where its traits or the server's limits decide.

    `path` is its CLI, where that is not to be looked for; `variables` are added to the environment.
    """

    max_concurrent: int | None = None
    first_output_secs: float | None = None
    idle_secs: float | None = None
    path: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the supervisor, and how its backends are set up."""

    max_concurrent_runs: int = 8
    max_queued_runs: int = 256
    total_secs: float = 3600.0
    run_bytes: int = 512 << 20
    history_runs: int = 1000
    history_bytes: int = 4 << 30
    log_content: bool = False
    backends: Mapping[str, BackendOptions] = field(default_factory=dict)


class Supervisor:
    """Every run of the server. Make it inside the running loop, and drain it before the loop ends."""

    def __init__(
        self,
        registry: Registry,
        limits: Limits,
        clock: Clock,
        new_id: Callable[[str], str],
        *,
        spool: Spool | None = None,
    ) -> None:
        self.registry = registry
        self.limits = limits
        self.draining = False
        self.journal = EventLog(clock, {})
        """Every run's lifecycle, numbered on its own; the newest few thousand."""
        self._clock = clock
        self._born = clock.monotonic()
        self._new_id = new_id
        self._spool = spool
        self._tasks = Tasks()
        self._watches = Tasks()
        self._descendants = Descendants()
        options = limits.backends
        per_backend = {name: one.max_concurrent for name, one in options.items() if one.max_concurrent}
        slots = Slots(limits.max_concurrent_runs, limits.max_queued_runs, per_backend)
        time = AttendedTime(clock)
        paths = {name: one.path for name, one in options.items() if one.path}
        variables = {name: one.variables for name, one in options.items()}
        self.probe = Probe(registry, paths, self._descendants, variables)
        self.pool = Pool(self._tasks, self._descendants, self.probe, variables)
        self._around = Surroundings(clock, time, self.pool, slots, limits.run_bytes)
        self._handles: dict[str, RunHandle] = {}
        self._watches.spawn(time.beat(), name="attended time")
        self._watches.spawn(self._descendants.keep_looking(), name="descendants")

    @property
    def uptime_secs(self) -> float:
        return self._clock.monotonic() - self._born

    @property
    def live(self) -> int:
        """Runs that hold a slot, a retiring child's included."""
        return self._around.slots.held

    def live_of(self, backend: str) -> int:
        """The same of one backend."""
        return self._around.slots.held_by(backend)

    @property
    def queued(self) -> int:
        return self._around.slots.waiting

    async def start(
        self, spec: RunSpec, owner: str = "starter", observe: Callable[[Event], None] | None = None
    ) -> RunHandle:
        """Take a run. Then nothing was started: raises BackendNotFound, InvalidInput, SessionBusy,
        QueueFull, ShuttingDown.
        """
        spec = _at_its_place(spec)
        backend = await self._backend_of(spec)
        if self.draining:
            raise ShuttingDown
        if spec.resume and self._in_use(spec.resume):
            raise SessionBusy(spec.resume)
        run = Run(self._new_id("run"), spec, self._clock.wall())
        log = EventLog(
            self._clock,
            {"run_id": run.id, "backend": spec.backend},
            self._spool.open(run.id) if self._spool else None,
        )
        log.observers.append(self._journalist(log))
        if observe:
            log.observers.append(observe)
        said = Answer() if self.limits.log_content else None
        if said:
            log.observers.append(said.fold)
        runner = Runner(run, backend, log, self._patience(backend, spec), self._around)
        runner.on_finished = lambda: self._finished(run, said)
        handle = self._handles[run.id] = RunHandle(runner, owner)
        # Last: under an eager task factory the run is under way when this returns.
        self._tasks.spawn(runner.drive(), name=f"run {run.id}")
        return handle

    def handle(self, run_id: str) -> RunHandle:
        """Raises RunNotFound."""
        try:
            return self._handles[run_id]
        except KeyError:
            raise RunNotFound(run_id) from None

    def stop(self, run_id: str, cause: StopCause) -> RunHandle:
        """Ask for a run's end; no more than that once it has ended. Raises RunNotFound."""
        handle = self.handle(run_id)
        handle.stop(Stop(cause))
        return handle

    def view(self, run_id: str) -> RunView:
        """Raises RunNotFound."""
        handle = self.handle(run_id)
        position = self._around.slots.position(handle.runner.ticket)
        return view.of(handle.run, handle.log.length, self._clock.wall(), position, handle.runner.command)

    def runs(self, query: RunQuery) -> RunPage:
        """Live and recent runs, newest first."""
        found = [
            run_id
            for run_id, handle in reversed(self._handles.items())
            if query.state in (None, handle.run.state) and query.backend in (None, handle.run.spec.backend)
        ]
        page = found[query.offset : query.offset + query.limit]
        return RunPage(tuple(map(self.view, page)), len(found), query.limit, query.offset)

    async def command(self, spec: RunSpec) -> CommandView:
        """What would be executed for `spec`. Raises BackendNotFound, InvalidInput."""
        spec = _at_its_place(spec)
        return self.pool.show(await self._backend_of(spec), spec)

    async def drain(self, grace: float, hurried: "asyncio.Future[None] | None" = None) -> None:
        """Take no more runs, give live ones `grace` seconds or until `hurried`, stop the rest, await all."""
        self.draining = True
        live = [handle for handle in self._handles.values() if not handle.run.state.ended]
        if live and grace > 0:
            ended = asyncio.gather(*(handle.finished for handle in live))
            await first_of(ended, *([hurried] if hurried else []), timeout=grace)
        for handle in live:
            handle.stop(Stop(StopCause.SHUTDOWN))
        await self._tasks.join()
        await self.probe.close()
        await self._watches.cancel()
        await asyncio.to_thread(self.pool.close)
        self.journal.close()

    async def _backend_of(self, spec: RunSpec) -> Backend:
        """The backend that `spec` names, its CLI at hand, if that is possible."""
        backend = self.registry.get(spec.backend)
        faults = backend.faults(spec)
        if faults:
            raise InvalidInput(faults)
        if self.probe.found(backend.name) is None:  # it may have been installed since
            await self.probe.look(backend.name)
            if self.draining:
                raise ShuttingDown
        if self.probe.found(backend.name) is None:
            raise BackendNotFound(backend.name, self.probe.reason(backend.name))
        return backend

    def _in_use(self, conversation: str) -> bool:
        """Whether a turn is under way in it: a CLI would keep one of two branches, and lose the other."""
        live = (handle.run for handle in self._handles.values() if not handle.run.state.ended)
        return any(conversation in (run.spec.resume, run.backend_session_id) for run in live)

    def _patience(self, backend: Backend, spec: RunSpec) -> Patience:
        options = self.limits.backends.get(backend.name, BackendOptions())
        total = self.limits.total_secs
        return Patience(
            options.first_output_secs or backend.traits.first_output_secs,
            options.idle_secs or backend.traits.idle_secs,
            min(total, spec.timeout_secs) if spec.timeout_secs else total,
        )

    def _journalist(self, log: EventLog) -> Callable[[Event], None]:
        def note(event: Event) -> None:
            if isinstance(event, Lifecycle):
                self.journal.relay(log.newest)

        return note

    def _finished(self, run: Run, said: Answer | None) -> None:
        _log.info(
            "run",
            extra={
                "run_id": run.id,
                "state": run.state,
                "backend": run.spec.backend,
                "error": run.error.code if run.error else None,
                "prompt": run.spec.prompt if said else None,
                "output": said.output if said else None,
                "seconds": round((run.finished_at or run.created_at) - run.created_at, 3),
            },
        )
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Keep the history within its bounds, in runs and in bytes."""
        ended = [handle for handle in self._handles.values() if handle.run.state.ended]
        size = sum(handle.log.bytes for handle in ended)
        surplus = len(ended) - self.limits.history_runs
        for handle in ended:
            if surplus <= 0 and size <= self.limits.history_bytes:
                break
            surplus -= 1
            size -= handle.log.bytes
            handle.log.discard()
            del self._handles[handle.id]


def _at_its_place(spec: RunSpec) -> RunSpec:
    """`spec` with its workdir by its real path: CLIs compare paths, and trust folders by name."""
    return replace(spec, workdir=os.path.realpath(spec.workdir))
