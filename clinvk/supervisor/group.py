"""Runs that belong together: fed to the queue a few at a time, followed, stopped and told as one."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from clinvk.clock import Clock, rfc3339
from clinvk.domain.answer import Answer
from clinvk.domain.errors import ClinvkError, ShuttingDown
from clinvk.domain.events import Entry, Event, GroupFinished, Notice
from clinvk.domain.group import GroupSpec, continued
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.domain.spec import RunSpec
from clinvk.domain.wire import to_wire
from clinvk.supervisor.grouplog import GroupLog
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.log import EventLog
from clinvk.supervisor.owners import Owners
from clinvk.supervisor.tasks import first_of

_log = logging.getLogger("clinvk.group")


class Start(Protocol):
    """Takes a run: `Supervisor.start`."""

    async def __call__(
        self, spec: RunSpec, owner: object, observe: Callable[[Event], None] | None
    ) -> RunHandle: ...


@dataclass(frozen=True, slots=True)
class Around:
    """What every group of a server shares: `slots` says how many runs with a key of that label may have a child
    at once.
    """

    start: Start
    slots: Callable[[str | None], int]
    clock: Clock


@dataclass(slots=True)
class Member:
    """One run of a group, or why there is none: `refusal`, or nothing at all if it was never begun."""

    spec: RunSpec
    handle: RunHandle | None = None
    refusal: str | None = None
    answer: Answer = field(default_factory=Answer)

    @property
    def completed(self) -> bool:
        """Whether it ended well."""
        return self.handle is not None and self.handle.run.state is RunState.COMPLETED


class Group:
    """The runs of one request. It takes no slot itself. Owners keep it alive, as they do a run."""

    def __init__(self, id_: str, spec: GroupSpec, around: Around, owner: object) -> None:
        self.id = id_
        self.spec = spec
        self.members = [Member(each) for each in spec.specs]
        self.log = GroupLog()
        self.finished: asyncio.Future[GroupFinished] = asyncio.get_running_loop().create_future()
        """Done at the end. Not to be cancelled."""
        self.owners = Owners(owner, lambda: self.stop(Stop(StopCause.DISCONNECT)))
        self._around = around
        self._began = around.clock.monotonic()
        self._stop: Stop | None = None
        self._live: dict[RunHandle, Member] = {}

    @property
    def live(self) -> int:
        """How many of its runs have not ended."""
        return len(self._live)

    @property
    def begun(self) -> int:
        """How many runs it has."""
        return sum(member.handle is not None for member in self.members)

    def stop(self, stop: Stop) -> None:
        """Ask for the end of all its runs, and begin none any more: at any moment, any number of times."""
        self._stop = self._stop or stop
        for handle in self._live:
            handle.stop(stop)

    async def drive(self) -> None:
        """Run to the end. Never raises: a fault of ours is told, and ends the group."""
        try:
            await self._feed()
        except Exception:  # noqa: BLE001  whatever it is, the group must end and say so
            _log.exception("%s met a fault of ours", self.id)
            self.stop(Stop(StopCause.GROUP))
        await self._until_live(0)
        self._finish()

    async def _feed(self) -> None:
        before: Member | None = None
        for member in self.members:
            # More of them than there are slots would only fill the queue, and nothing would be faster.
            slots = self._around.slots(member.spec.origin.key_label)
            await self._until_live(max(1, min(self.spec.at_once, slots)) - 1)
            if self._stop:
                return
            await self._begin(member, before)
            before = member

    async def _begin(self, member: Member, before: Member | None) -> None:
        hear, attach = self.log.expect()

        def observe(event: Event) -> None:
            if self.spec.keeps_answers or self.spec.continues:
                member.answer.fold(event)
            hear(event)

        handle = member.handle = await self._take(member, before, observe)
        if handle is None:
            attach(self._told_of(member, hear))
            self._ended(member)
            return
        attach(handle.log)
        self._live[handle] = member
        if self._stop:  # since a moment ago
            handle.stop(self._stop)

    async def _take(
        self, member: Member, before: Member | None, observe: Callable[[Event], None]
    ) -> RunHandle | None:
        """The run of `member`; None where there is none, for its `refusal` or since the server ends."""
        try:
            spec = member.spec
            if before and self.spec.continues:
                spec = continued(spec, before.answer.output)
            return await self._around.start(spec, self, observe)
        except ShuttingDown:
            self.stop(Stop(StopCause.SHUTDOWN))
        except ClinvkError as refusal:
            member.refusal = str(refusal)
        except Exception:  # noqa: BLE001  whatever it is, the group must end and say so
            _log.exception("a run of %s met a fault of ours", self.id)
            member.refusal = "clinvk failed: its log says how"
        return None

    def _told_of(self, member: Member, hear: Callable[[Event], None]) -> EventLog:
        """What stands in the group's log in the place of a run that could not be begun."""
        origin = member.spec.origin
        which = {"task": origin.task, "step": origin.step}
        placed = {name: number for name, number in which.items() if number is not None}
        log = EventLog(self._around.clock, {"backend": member.spec.backend, "group_id": self.id, **placed})
        if member.refusal is not None:
            log.observe(hear)
            log.append(Notice(f"This one was not begun. {member.refusal}"))
        log.close()
        return log

    async def _until_live(self, amount: int) -> None:
        """Wait until no more than `amount` of the runs are live, and see how the others ended."""
        self._sweep()
        while len(self._live) > amount:
            await first_of(*(handle.finished for handle in self._live))
            self._sweep()

    def _sweep(self) -> None:
        for handle in [each for each in self._live if each.finished.done()]:
            handle.owners.leave(self)  # a run that has ended is kept for long: let go
            self._ended(self._live.pop(handle))

    def _ended(self, member: Member) -> None:
        if self.spec.stop_on_failure and not member.completed:
            self.stop(Stop(StopCause.GROUP))

    def _finish(self) -> None:
        completed = sum(member.completed for member in self.members)
        total = len(self.members)
        seconds = round(self._around.clock.monotonic() - self._began, 3)
        end = GroupFinished(self.spec.kind, total, completed, total - completed, seconds)
        at = rfc3339(self._around.clock.wall())
        head = {"type": end.type, "seq": self.log.length, "at": at, "group_id": self.id}
        self.log.finish(Entry(self.log.length, end.type, orjson.dumps(head | to_wire(end)) + b"\n"))
        self.finished.set_result(end)
