"""The supervisor: takes runs, keeps them, stops them, drains."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from clinvk.backends.registry import Registry
from clinvk.clock import Clock
from clinvk.domain.errors import SessionBusy, StoreUnavailable
from clinvk.domain.events import Event, Lifecycle, Notice, SessionBound
from clinvk.domain.group import GroupSpec
from clinvk.domain.run import Run, Stop, StopCause
from clinvk.domain.session import Session
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import cgroups, notices, view
from clinvk.supervisor.cgroups import Cgroups
from clinvk.supervisor.deadlines import AttendedTime
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.endings import Endings
from clinvk.supervisor.errand import Errands
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.history import History, Retention
from clinvk.supervisor.keeper import Keeper
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.lingering import Lingering
from clinvk.supervisor.log import EventLog
from clinvk.supervisor.memory import MemoryWatch
from clinvk.supervisor.pool import Pool
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.runner import Admission, Runner, Surroundings
from clinvk.supervisor.sessions import Sessions, Turn, alone
from clinvk.supervisor.sites import Sites
from clinvk.supervisor.slots import Slots
from clinvk.supervisor.starter import Starter
from clinvk.supervisor.tasks import Tasks, first_of
from clinvk.supervisor.vetting import Vetting
from clinvk.views import CommandView, StoreStatus


class Supervisor:
    """Every run of the server. Make it inside the running loop, and drain it before the loop ends."""

    def __init__(
        self,
        registry: Registry,
        limits: Limits,
        clock: Clock,
        new_id: Callable[[str], str],
        *,
        keeping: Keeping | None = None,
    ) -> None:
        keeping = keeping or Keeping()
        self.registry = registry
        self.limits = limits
        self.draining = False
        self.journal = EventLog(clock, {})
        """Every run's lifecycle, numbered on its own; the newest few thousand."""
        self._clock = clock
        self._born = clock.monotonic()
        self.new_id = new_id
        self._spool = keeping.spool
        self._store = keeping.store
        self._tasks = Tasks()
        self._watches = Tasks()
        sites = Sites()
        self._cgroups = Cgroups(Path(sites.root).name, cgroups.place())
        self._cgroups.bound(limits.memory_bytes)
        sites.ledger.note_groups(self._cgroups.stem)
        self._descendants = Descendants(on_seen=sites.ledger.add, cgroups=self._cgroups)
        self.errands = Errands(self._descendants)
        self._slots = Slots(limits)
        time = AttendedTime(clock)
        self.probe = Probe(registry, limits.paths, self._descendants, limits.variables)
        self._vetting = Vetting(registry, self.probe, limits)
        self._starter = Starter(self._descendants, self.probe, sites, limits.variables)
        lingering = Lingering(self._descendants, limits.linger, clock)
        self.pool = Pool(self._tasks, self._descendants, self._starter, lingering, limits.pool)
        self._memory = MemoryWatch(self._descendants, limits.memory_bytes)
        self._around = Surroundings(clock, time, self.pool, limits.run_bytes, self._memory)
        self.sessions = Sessions(keeping.store, keeping.sessions, clock, new_id)
        retention = Retention(limits.history_runs, limits.history_bytes, self._keeps_content)
        self.history = History(clock, retention, keeping.spool, keeping.store)
        self._endings = Endings(self._tasks, self.history, self.sessions, self.pool, registry)
        self.keeper = Keeper(self.sessions, self.history, self.pool, registry, clock)
        self._watches.spawn(time.beat(), name="attended time")
        self._watches.spawn(self._descendants.keep_looking(), name="descendants")
        self._watches.spawn(self._memory.keep_looking(), name="memory")
        self._watches.spawn(self.pool.tend(), name="pool")

    @property
    def uptime_secs(self) -> float:
        return self._clock.monotonic() - self._born

    @property
    def store_status(self) -> StoreStatus:
        """How the store is: cheap, nothing is asked of it."""
        if self._store is None:
            return StoreStatus(0, "it could not be opened")
        return StoreStatus(self._store.session_count, self._store.failure)

    @property
    def live(self) -> int:
        """Runs that hold a slot, a retiring child's included."""
        return self._slots.held

    def live_of(self, backend: str) -> int:
        """The same of one backend."""
        return self._slots.held_by(backend)

    @property
    def queued(self) -> int:
        return self._slots.waiting

    @property
    def lingering(self) -> int:
        """Runs that have ended, and of which something lives on."""
        return len(self.pool.lingering)

    async def open(self) -> None:
        """Give an end to what the last server left unended, and from now on let go of what is past its time."""
        await self.history.bury()
        self._watches.spawn(self.keeper.keep_tidy(), name="retention")
        self._watches.spawn(self.keeper.keep_whole(), name="store")

    async def adjust(self, limits: Limits) -> None:
        """Let `limits` hold from now on, but for runs that are under way; return when what they change of the
        CLIs has been looked at.
        """
        self.limits = self._vetting.limits = limits
        self._around = replace(self._around, run_bytes=limits.run_bytes)
        self._slots.adjust(limits)
        self.pool.adjust(limits.pool, limits.variables)
        self.pool.lingering.adjust(limits.linger)
        await asyncio.to_thread(self._cgroups.bound, limits.memory_bytes)
        self._memory.adjust(limits.memory_bytes)
        await self.probe.adjust(limits.paths, limits.variables)

    async def start(
        self,
        spec: RunSpec,
        owner: object = "starter",
        observe: Callable[[Event], None] | None = None,
        run_id: str | None = None,
    ) -> RunHandle:
        """Take a run, under `run_id` or a new id. Then nothing was started: raises Forbidden, BackendNotFound,
        InvalidInput, SessionNotFound, SessionBusy, StoreUnavailable, ShuttingDown, QueueFull (but not for one of
        a group).
        """
        if self.history.owes:
            with contextlib.suppress(StoreUnavailable):  # whoever needs the store hears it from the store
                await self.history.settle()
        turn = await self.sessions.claim(spec)
        try:
            return await self._take(turn, owner, observe, run_id or self.new_id("run"))
        except BaseException:
            self.sessions.release(turn.session)
            raise

    def handle(self, run_id: str) -> RunHandle:
        """A run at hand. Raises RunNotFound."""
        return self.history.handle(run_id)

    def stop(self, run_id: str, cause: StopCause) -> RunHandle:
        """Ask for a run's end; no more than that once it has ended. Raises RunNotFound."""
        handle = self.handle(run_id)
        handle.stop(Stop(cause))
        return handle

    async def admit(self, group: GroupSpec) -> None:
        """See that the runs of a group could be started now: raises what `vet` does, and QueueFull."""
        await self.vet(group)
        self._slots.check({spec.backend for spec in group.specs}, group.specs[0].origin.key_label or "")

    async def vet(self, group: GroupSpec) -> None:
        """Raises InvalidInput with every fault of each of its runs, Forbidden, BackendNotFound, ShuttingDown."""
        await self._vetting.vet(group)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do `work` beside everything else; the drain waits for its end."""
        self._tasks.spawn(work, name)

    def watch(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do `work`, which owns nothing and has no end, until the drain cancels it."""
        self._watches.spawn(work, name)

    async def command(self, spec: RunSpec) -> CommandView:
        """What would be executed for `spec`. Raises what `start` raises, but for a queue that is full."""
        turn = await self.sessions.claim(spec)
        try:
            spec, backend = await self._vetting.vetted(turn.spec)
            return self._starter.show(backend, spec)
        finally:
            self.sessions.release(turn.session)

    async def drain(self, grace: float, hurried: "asyncio.Future[None] | None" = None) -> None:
        """Take no more runs, give live ones `grace` seconds or until `hurried`, stop the rest, await all."""
        self.draining = self._endings.draining = self._vetting.draining = True
        self.pool.end()
        live = self.history.live()
        if live and grace > 0:
            ended = asyncio.gather(*(handle.finished for handle in live))
            await first_of(ended, *([hurried] if hurried else []), timeout=grace)
        for handle in live:
            handle.stop(Stop(StopCause.SHUTDOWN))
        await self._tasks.join()
        await self.probe.close()
        await self._watches.cancel()
        await self.history.close()
        await asyncio.to_thread(self._starter.close)
        self.journal.close()

    async def _take(
        self, turn: Turn, owner: object, observe: Callable[[Event], None] | None, run_id: str
    ) -> RunHandle:
        spec, backend = await self._vetting.vetted(turn.spec)
        if spec.resume and self._in_use(spec.resume):
            raise SessionBusy(spec.session_id or spec.resume)
        in_group = spec.origin.group_id is not None
        ticket = self._slots.enter(spec.backend, spec.origin.key_label or "", admitted=in_group)
        admission = Admission(ticket, self.limits.patience(backend, spec))
        try:
            run, turn = await self._kept(turn, spec, run_id)
        except BaseException:
            ticket.release()
            raise
        return self._launch(Runner(run, backend, self._log_of(run, observe), admission, self._around), turn, owner)

    async def _kept(self, turn: Turn, spec: RunSpec, run_id: str) -> tuple[Run, Turn]:
        """The run, written down with its session; on its own where that cannot be and nobody named a session."""
        run = Run(run_id, spec, self._clock.wall())
        try:
            await self.history.begin(run, turn.session, is_new=turn.is_new)
        except StoreUnavailable as error:
            if spec.origin.keyed or (turn.session and not turn.is_new):
                raise
            self.sessions.release(turn.session)
            if not spec.ephemeral:
                turn = alone(spec, error)
                run.spec = turn.spec
        return run, turn

    def _launch(self, runner: Runner, turn: Turn, owner: object) -> RunHandle:
        run, log = runner.run, runner.log
        run.notices = notices.of(run.spec, turn.lost, self.history.live(), self.registry)
        for notice in run.notices:
            log.append(Notice(notice))
        if turn.session:
            log.observe(self._binder(turn.session), (SessionBound,))
        handle = RunHandle(runner, owner)
        self._endings.watch(handle, turn.session, log_content=self.limits.log_content)
        self.history.add(handle)
        if self.draining:  # since a moment ago
            handle.stop(Stop(StopCause.SHUTDOWN))
        # Last: under an eager task factory the run is under way when this returns.
        self._tasks.spawn(runner.drive(), name=f"run {run.id}")
        return handle

    def _log_of(self, run: Run, observe: Callable[[Event], None] | None) -> EventLog:
        spool = self._spool.open(run.id) if self._spool and self._keeps_content() else None
        log = EventLog(self._clock, view.labels_of(run), spool)
        log.observe(lambda _: self.journal.relay(log.newest), get_args(Lifecycle))
        if observe:
            log.observe(observe)
        return log

    def _in_use(self, conversation: str) -> bool:
        """Whether a turn is under way in it: a CLI would keep one of two branches, and lose the other."""
        live = (handle.run for handle in self.history.live())
        return any(conversation in (run.spec.resume, run.backend_session_id) for run in live)

    def _keeps_content(self) -> bool:
        return self.sessions.options.store_content

    def _binder(self, session: Session) -> Callable[[Event], None]:
        def note(event: Event) -> None:
            if isinstance(event, SessionBound):
                self.sessions.bound(session, event.backend_session_id)

        return note
