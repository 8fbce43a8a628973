"""One run, from the queue to its last entry. The runner owns one lease and never sees bytes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from clinvk.backends.base import Backend
from clinvk.clock import Clock
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode, LineTooLong, RunError
from clinvk.domain.judge import Judgement, judge
from clinvk.domain.run import Exit, Run, RunState, Signal, Stop, StopCause
from clinvk.supervisor import approving
from clinvk.supervisor.deadlines import AttendedTime, Deadlines, Patience
from clinvk.supervisor.lease import Kept, Lease, Want
from clinvk.supervisor.lingering import Lingering
from clinvk.supervisor.log import EventLog
from clinvk.supervisor.memory import MemoryWatch
from clinvk.supervisor.pool import Pool
from clinvk.supervisor.slots import Ticket
from clinvk.supervisor.spawning import SpawnFailed
from clinvk.supervisor.tasks import first_of
from clinvk.views import CommandView, Inspection, Resources

_log = logging.getLogger("clinvk.runner")

_ENDS = {
    RunState.COMPLETED: Signal.COMPLETED,
    RunState.FAILED: Signal.FAILED,
    RunState.CANCELLED: Signal.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every runner of a server shares."""

    clock: Clock
    time: AttendedTime
    pool: Pool
    run_bytes: int
    """What one run may write to its log."""
    memory: MemoryWatch


@dataclass(frozen=True, slots=True)
class Admission:
    """What a run was taken with: its place in the queue, and its clocks."""

    ticket: Ticket
    patience: Patience


class Runner:
    """Drives `run`. `stop` may come at any moment, any number of times; there is one end."""

    def __init__(
        self, run: Run, backend: Backend, log: EventLog, admission: Admission, around: Surroundings
    ) -> None:
        self.run = run
        self.log = log
        self.keep_end: Callable[[], Awaitable[None]] | None = None
        """Called once the run has ended, before anybody is told; it must not raise."""
        self.on_finished: Callable[[], None] | None = None
        self.on_exit: Callable[[], None] | None = None
        """Called when the process has ended, before the run's end or after it."""
        loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[Judgement] = loop.create_future()
        self._backend = backend
        self._patience = admission.patience
        self._around = around
        self._stopping: asyncio.Future[None] = loop.create_future()
        self.command: CommandView | None = None
        """What its child was started with, once there is one."""
        self._lease: Lease | None = None
        self._lost: Lease | None = None
        """The lease whose conversation was not there."""
        self._deadlines: Deadlines | None = None
        self._ticket = admission.ticket
        log.append(events.RunQueued(self._ticket.position))

    @property
    def ticket(self) -> Ticket:
        return self._ticket

    @property
    def lingering(self) -> Lingering:
        """Where its child is as long as what it left lives on."""
        return self._around.pool.lingering

    @property
    def _child(self) -> Kept | None:
        """The child that has its turn, or what this left."""
        if self._lease and not self.run.state.ended:
            return self._lease.kept
        return self.lingering.of(self.run.id)

    @property
    def usage(self) -> Resources | None:
        """What the run's processes took when they were last looked at; None where it has none."""
        child = self._child
        return self._around.pool.usage(child) if child else None

    async def inspect(self) -> Inspection:
        """Its processes, and the end of stderr so far; once nothing is left of it what its exit has of that."""
        child = self._child
        if child:
            return await self._around.pool.inspect(child)
        return Inspection((), self.run.exit.stderr_tail if self.run.exit else "")

    def stop(self, stop: Stop) -> None:
        """Ask for the end. Ignored once there is another cause, or the turn is over."""
        lease = self._lease
        over = lease and lease.over.done() and lease is not self._lost
        if self.run.stop or self.run.state.ended or over:
            return
        self._ask_for_end(stop)

    def _ask_for_end(self, stop: Stop) -> None:
        self.run.stop = stop
        if self.run.state is RunState.RUNNING:
            self.run.apply(Signal.STOP)
        self.log.append(events.RunStopping(stop.cause, stop.detail or None))
        self._stopping.set_result(None)

    async def drive(self) -> None:
        """Run to the end. Never raises: a fault of ours is a failed run."""
        try:
            judgement = await self._admitted_turn()
        except SpawnFailed as failure:
            judgement = Judgement(RunState.FAILED, RunError(ErrorCode.SPAWN_FAILED, str(failure)))
        except Exception:  # noqa: BLE001  whatever it is, the run must end and say so
            _log.exception("run %s met a fault of ours", self.run.id)
            fault = RunError(ErrorCode.INTERNAL, "clinvk failed: its log says how")
            judgement = Judgement(RunState.FAILED, fault)
        await self._finish(judgement)

    async def _admitted_turn(self) -> Judgement:
        await first_of(self._ticket.granted, self._stopping)
        if self.run.stop:
            return judge(self.run.stop, None, None, None)
        self.run.apply(Signal.ADMITTED)
        self._deadlines = Deadlines(self._around.time, self._patience, self._too_late)
        want = await self._around.pool.prepare(self._backend, self.run.spec)
        lease = None if self.run.stop else await self._turn(want)
        if lease and lease.came_to_nothing and not self.run.stop:
            lease = await self._instead(lease)
        if self._lost and not self.run.stop:
            lease = await self._afresh(self._lost)
        if lease is None or self.run.stop:
            return judge(self.run.stop, None, None, None)
        match lease.over.result():
            case Exit() as exit_:
                self.run.exit = exit_
                return judge(None, None, exit_, self._backend.explain(exit_))
            case done:
                return judge(None, done, None, None)

    async def _afresh(self, lost: Lease) -> Lease | None:
        """Another child and a new conversation, instead of the one that is not there; None once stopped."""
        self._lease = None
        await self._around.pool.discard(lost)
        want = replace(lost.want, spec=replace(lost.spec, resume=None))
        return None if self.run.stop else await self._turn(want)

    async def _instead(self, gone: Lease) -> Lease | None:
        """A new child instead of one that had waited and did not live to hear of the turn; None once stopped."""
        self._lease = None
        await self._around.pool.discard(gone)
        if self.run.stop:
            return None
        self.log.append(events.Notice("The process that waited for a run was gone; another was started"))
        return await self._turn(gone.want, cold=True)

    async def _turn(self, want: Want, *, cold: bool = False) -> Lease:
        """Lease a child and let it work: to the end of the turn, its own end, or a stop."""
        lease = self._around.pool.lease(want, self._ticket, self.run.id, cold=cold)
        self._lease, self.command = lease, lease.outfit.command
        self.run.continuation = lease.continuation
        self.run.pid, self.run.start, self.run.exit = lease.child.pid, lease.start, None
        self.run.start_saved_secs = lease.saved_secs
        if self.run.state is RunState.STARTING:
            self.run.apply(Signal.STARTED)
            self.run.started_at = self._around.clock.wall()
            self.log.append(events.RunStarted(lease.child.pid, lease.start))
        self.log.on_relief = lease.child.resume
        lease.on_exit = self._note_exit
        self._around.memory.begin(lease.marker, lease.child.cgroup, self._too_large)
        try:
            lease.begin(self.run.id, self._heard, self._overflowed)
            await first_of(lease.over, self._stopping)
        finally:
            short = self._around.memory.end(lease.marker)
        if short and lease.ended_by_exit and not self.run.stop:  # the kernel was quicker than a look
            self._ask_for_end(Stop(StopCause.MEMORY, short))
        return lease

    async def _finish(self, judgement: Judgement) -> None:
        if self._deadlines:
            self._deadlines.cancel()
        run, lease = self.run, self._lease
        if lease is None:
            self._ticket.release()
        elif lease.over.done() and not lease.over.exception() and not run.stop:
            self._around.pool.release(lease)
        else:
            await self._put_away(lease)
        run.apply(_ENDS[judgement.state])
        run.error = judgement.error
        run.finished_at = self._around.clock.wall()
        seconds = round(max(0.0, run.finished_at - run.created_at), 3)  # the clock may have been set back
        if self.keep_end:
            await self.keep_end()
            self.keep_end = None
        self.log.append(
            events.RunFinished(
                judgement.state, judgement.code, seconds, run.usage, judgement.error, run.continuation
            )
        )
        self.log.close()
        self._lease = self._deadlines = self.log.on_relief = None  # an ended run is kept for long: let go
        self.finished.set_result(judgement)
        if self.on_finished:
            self.on_finished()
            self.on_finished = None
        run.spec = run.spec.abridged()

    async def _put_away(self, lease: Lease) -> None:
        try:
            stop = self.run.stop
            await self._around.pool.stop(lease, at_once=stop is not None and stop.cause is StopCause.MEMORY)
        except Exception:  # noqa: BLE001  whatever it is, the run must end and say so
            _log.exception("run %s could not be put away", self.run.id)

    def _heard(self, outputs: Sequence[events.Output]) -> None:
        if self._deadlines:
            self._deadlines.heard(any(isinstance(output, events.SUBSTANCE) for output in outputs))
        for output in outputs:
            self._take(output)
        self.log.publish(alone=True)  # a pipe is read once in a turn of the loop
        if self.log.congested and self._lease and not self.run.stop:
            self._lease.child.pause()

    def _take(self, output: events.Output) -> None:
        loss = self._loss(output)
        if loss:
            self._lost = self._lease
            output = events.Notice(f"A new conversation is begun. {loss.message}")
        self.log.add(output)
        self._note(output)
        if isinstance(output, events.ApprovalAsked):
            self._answer(output)
        if self.log.bytes > self._around.run_bytes:
            ceiling = f"The run wrote more than {self._around.run_bytes} bytes (server.max_run_output_bytes)"
            self.stop(Stop(StopCause.OUTPUT_LIMIT, ceiling))

    def _loss(self, output: events.Output) -> RunError | None:
        """The loss of the conversation that the run was to go on with, if it shall then begin a new one."""
        if not isinstance(output, events.TurnDone) or self._lost or not self.run.spec.fresh_if_lost:
            return None
        return output.error if output.error and output.error.code is ErrorCode.RESUME_FAILED else None

    def _note(self, output: events.Output) -> None:
        run = self.run
        if run.first_output_at is None and isinstance(output, events.SUBSTANCE):
            run.first_output_at = self._around.clock.wall()
        match output:
            case events.TextDelta(text=text) | events.ReasoningDelta(text=text):
                run.output_chars += len(text)
            case events.UsageReported(usage=usage):
                run.usage = usage
            case events.SessionBound(backend_session_id=bound):
                run.backend_session_id = bound
            case events.TurnDone(stop_reason=reason):
                run.stop_reason = reason
            case _:
                pass

    def _answer(self, ask: events.ApprovalAsked) -> None:
        verdict = approving.verdict(self.run.spec, ask)
        self.log.append(events.ApprovalAnswered(ask.ask_id, verdict.allowed, "mode", verdict.reason))
        if self._lease:
            self._lease.answer(ask.ask_id, verdict)

    def _overflowed(self, error: LineTooLong) -> None:
        self.stop(Stop(StopCause.OUTPUT_LIMIT, str(error)))

    def _too_late(self, sentence: str) -> None:
        self.stop(Stop(StopCause.TIMEOUT, sentence))

    def _too_large(self, sentence: str) -> None:
        self.stop(Stop(StopCause.MEMORY, sentence))

    def _note_exit(self, exit_: Exit) -> None:
        self.run.exit = exit_
        if self.on_exit:
            self.on_exit()
