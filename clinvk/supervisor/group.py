"""Runs that belong together: fed to the queue a few at a time, followed, stopped and told as one."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from clinvk.clock import Clock, rfc3339
from clinvk.domain.answer import Answer
from clinvk.domain.errors import ClinvkError
from clinvk.domain.events import Entry, Event, GroupFinished
from clinvk.domain.group import GroupSpec, continued
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.domain.spec import RunSpec
from clinvk.domain.wire import to_wire
from clinvk.supervisor.grouplog import GroupLog
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.tasks import first_of

_log = logging.getLogger("clinvk.group")


class Start(Protocol):
    """Takes a run: `Supervisor.start`."""

    async def __call__(
        self, spec: RunSpec, owner: object, observe: Callable[[Event], None] | None
    ) -> RunHandle: ...


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

    def __init__(self, id_: str, spec: GroupSpec, start: Start, clock: Clock, owner: object) -> None:
        self.id = id_
        self.spec = spec
        self.members = [Member(each) for each in spec.specs]
        self.log = GroupLog()
        self.finished: asyncio.Future[GroupFinished] = asyncio.get_running_loop().create_future()
        """Done at the end. Not to be cancelled."""
        self._owners = {owner}
        self._start = start
        self._clock = clock
        self._began = clock.monotonic()
        self._stop: Stop | None = None
        self._live: list[Member] = []

    @property
    def live(self) -> int:
        """How many of its runs have not ended."""
        return len(self._live)

    @property
    def begun(self) -> int:
        """How many runs it has."""
        return sum(member.handle is not None for member in self.members)

    def join(self, owner: object) -> None:
        """One more for whom it is done."""
        self._owners.add(owner)

    def leave(self, owner: object) -> None:
        """`owner` is gone; with the last one the group is stopped."""
        self._owners.discard(owner)
        if not self._owners:
            self.stop(Stop(StopCause.DISCONNECT))

    def stop(self, stop: Stop) -> None:
        """Ask for the end of all its runs, and begin none any more: at any moment, any number of times."""
        self._stop = self._stop or stop
        for member in self._live:
            if member.handle:
                member.handle.stop(stop)

    async def drive(self) -> None:
        """Run to the end."""
        before: Member | None = None
        for member in self.members:
            await self._until_live(self.spec.at_once - 1)
            if self._stop:
                break
            await self._begin(member, before)
            before = member
        await self._until_live(0)
        self._finish()

    async def _begin(self, member: Member, before: Member | None) -> None:
        spec = member.spec
        if before and self.spec.continues:
            spec = continued(spec, before.answer.output)
        hear, attach = self.log.expect()

        def observe(event: Event) -> None:
            member.answer.fold(event)
            hear(event)

        try:
            member.handle = await self._start(spec, self, observe)
        except ClinvkError as refusal:
            member.refusal = str(refusal)
        except Exception:  # noqa: BLE001  whatever it is, the group must end and say so
            _log.exception("a run of %s met a fault of ours", self.id)
            member.refusal = "clinvk failed: its log says how"
        if member.handle is None:
            self._ended(member)
            return
        attach(member.handle.log)
        self._live.append(member)
        if self._stop:  # since a moment ago
            member.handle.stop(self._stop)

    async def _until_live(self, amount: int) -> None:
        """Wait until no more than `amount` of the runs are live, and see how the others ended."""
        self._sweep()
        while len(self._live) > amount:
            await first_of(*(member.handle.finished for member in self._live if member.handle))
            self._sweep()

    def _sweep(self) -> None:
        for member in [each for each in self._live if each.handle and each.handle.finished.done()]:
            self._live.remove(member)
            self._ended(member)

    def _ended(self, member: Member) -> None:
        if self.spec.stop_on_failure and not member.completed:
            self.stop(Stop(StopCause.GROUP))

    def _finish(self) -> None:
        completed = sum(member.completed for member in self.members)
        total = len(self.members)
        seconds = round(self._clock.monotonic() - self._began, 3)
        end = GroupFinished(self.spec.kind, total, completed, total - completed, seconds)
        at = rfc3339(self._clock.wall())
        head = {"type": end.type, "seq": self.log.length, "at": at, "group_id": self.id}
        self.log.finish(Entry(self.log.length, end.type, orjson.dumps(head | to_wire(end)) + b"\n"))
        self.finished.set_result(end)
