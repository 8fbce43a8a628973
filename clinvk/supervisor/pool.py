"""The pool: children, lent to runs. One that has answered may wait for the next, and some are started ahead."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from clinvk.backends.base import Backend
from clinvk.domain.run import Start
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import leavings, measuring
from clinvk.supervisor.demand import Demand
from clinvk.supervisor.descendants import LOOK_SECS, Descendants
from clinvk.supervisor.lease import Kept, Lease, Want
from clinvk.supervisor.limits import PoolLimits
from clinvk.supervisor.lingering import Lingering
from clinvk.supervisor.residue import Removed
from clinvk.supervisor.shelf import Idle, Shelf
from clinvk.supervisor.slots import Ticket
from clinvk.supervisor.spawning import SpawnFailed
from clinvk.supervisor.starter import Starter, sweep
from clinvk.supervisor.tasks import Tasks, first_of
from clinvk.views import Inspection, Resources

_log = logging.getLogger("clinvk.pool")

_AHEAD: Final = "ahead"
"""What the markers of children begin with that are started before any run wants them."""


class Pool:
    """Owns every child. A child has one turn at a time, and what a turn started ends with the turn."""

    def __init__(
        self,
        tasks: Tasks,
        descendants: Descendants,
        starter: Starter,
        lingering: Lingering,
        limits: PoolLimits,
    ) -> None:
        self.lingering = lingering
        self.lingering.retire = self._retire
        self._limits = limits
        self._tasks = tasks
        self._descendants = descendants
        self._starter = starter
        self._shelf = Shelf()
        self._demand = Demand()
        self._tidying: dict[Kept, asyncio.Task[None]] = {}
        self._retiring: dict[Kept, asyncio.Task[None]] = {}
        self._now = asyncio.get_running_loop().time
        self._closing = False
        self.sites = self._starter.sites

    def idle(self, backend: str) -> Idle:
        """Its children that wait for a run."""
        return self._shelf.idle(backend)

    async def prepare(self, backend: Backend, spec: RunSpec) -> Want:
        """See that nobody else has the conversation, and wait for a child that has just done with its turn.

        What to lease a child with. Raises SpawnFailed.
        """
        key = self._starter.key(backend, spec)
        if spec.resume:
            await self.settled(spec.resume)
            kept = self._with_conversation(backend, spec.resume)
            if kept and not (self._shelf.is_live(kept, key, spec) and kept.turns < self._limits.turns):
                self._retire(kept)
                await self.settled(spec.resume)
        elif self._shelf.fitting(key, spec) is None:
            tidying = [task for kept, task in self._tidying.items() if kept.key == key]
            if tidying:
                await first_of(*tidying)
        return Want(backend, spec, key)

    def lease(self, want: Want, ticket: Ticket, marker: str, *, cold: bool = False) -> Lease:
        """A child that waits, unless `cold`, or a new one.

        Raises SpawnFailed; the ticket is then still the caller's.
        """
        self._demand.asked(want.key, self._now(), self._limits.idle_secs)
        kept, start = (None if cold else self._shelf.fitting(want.key, want.spec)) or (None, Start.COLD)
        if kept is None:
            kept = self._started(want, marker)
        else:
            self._shelf.take(kept)
            kept.history = None
            if not kept.turns:
                kept.note_own()
        self._starter.begin(kept)
        lease = Lease(kept, want, start, ticket)
        lease.on_words = partial(self._start_ahead, lease)
        return lease

    def release(self, lease: Lease) -> None:
        """The turn is over. Nobody has to wait for what becomes of the child but the drain."""
        kept, conversation = lease.kept, lease.conversation
        kept.turns += 1
        kept.last = conversation
        if lease.forgets and conversation:
            kept.to_sweep.append(conversation)
        may_linger = lease.ended_well and self.lingering.begin(lease)
        if not (may_linger or self._may_wait(lease)):
            self._retire(kept, lease)
            return
        kept.conversation = None if lease.forgets else conversation
        tidying = self._tasks.spawn(self._tidy(kept, lease), name=f"tidy {kept.marker}")
        if not tidying.done():
            self._tidying[kept] = tidying
            tidying.add_done_callback(lambda _: self._tidying.pop(kept, None))

    async def stop(self, lease: Lease, *, at_once: bool = False) -> None:
        """End the turn and its child by the stop ladder, or by its last rung alone; returns when all its processes
        are gone.
        """
        lease.kept.last = lease.conversation
        if lease.forgets and lease.conversation:
            lease.kept.to_sweep.append(lease.conversation)
        try:
            rungs = () if at_once else lease.backend.traits.stop
            await self._starter.put_away(lease.kept, rungs, lease)
        finally:
            lease.ticket.release()

    async def discard(self, lease: Lease) -> None:
        """End the child, and leave the ticket to the caller, for another lease."""
        await self._starter.put_away(lease.kept, lease.backend.traits.retire)

    def usage(self, kept: Kept) -> Resources | None:
        """What its processes took when they were last looked at."""
        return self._descendants.usage(kept.marker)

    async def inspect(self, kept: Kept) -> Inspection:
        """Its processes now, and the end of what its CLI wrote to stderr so far."""
        return Inspection(await self._descendants.inspect(kept.marker), kept.child.stderr_tail)

    async def settled(self, conversation: str) -> None:
        """Wait until no child whose turn is over still writes down what was said in it."""
        while under_way := [
            task for kept, task in [*self._tidying.items(), *self._retiring.items()] if kept.last == conversation
        ]:
            await asyncio.wait(under_way)

    async def forget(self, backend: Backend, conversation: str) -> Removed:
        """Delete what the CLI keeps of a conversation, once nobody writes it any more."""
        await self.settled(conversation)
        kept = self._with_conversation(backend, conversation)
        if kept:
            self._retire(kept)
            await self.settled(conversation)
        return await self._starter.forget(backend, conversation)

    def adjust(self, limits: PoolLimits, variables: Mapping[str, Mapping[str, str]]) -> None:
        """Let these hold from now on: who waits with others goes."""
        self._starter.adjust(variables)
        self._limits = limits
        for kept in self._shelf:
            if self._starter.is_outdated(kept):
                self._retire(kept)
        self._make_room(limits.children)

    async def tend(self) -> None:
        """Look after who waits, again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECS)
            await self.look_after()

    async def look_after(self) -> None:
        """Retire who has waited too long, has begun something, or stands for memory that is needed."""
        aside = [*self._shelf, *self.lingering]
        if not aside:
            return
        measured, is_short = await measuring.look(aside)
        for kept, since, memory, history in measured:
            if kept.idle_since != since or not (kept in self._shelf or kept in self.lingering):
                continue  # it had a turn meanwhile
            kept.memory, kept.history = memory, history
            if kept in self.lingering:
                continue
            late = self._now() - since >= self._limits.idle_secs
            if late and not kept.turns:
                self._demand.wasted(kept.key)
            has_begun = leavings.has_begun_something(kept, self._descendants)
            if late or is_short or has_begun or not kept.child.is_heard:
                self._retire(kept)
        self._make_room(self._limits.children)
        self.lingering.look_after(is_short=is_short)

    def end(self) -> None:
        """No child waits any more, from now on: the tasks that end them are among those that were given."""
        self._closing = True
        for kept in self._shelf:
            self._retire(kept)
        self.lingering.close()

    @property
    def _has_room(self) -> bool:
        """Whether anybody may wait."""
        return self._limits.children > 0 and not self._closing

    def _may_wait(self, lease: Lease) -> bool:
        """Whether the child is worth tidying up after this turn: another may come for it."""
        may_go_on = self._has_room and lease.ended_well and lease.kept.turns < self._limits.turns
        return may_go_on and lease.can_be_followed

    async def _tidy(self, kept: Kept, lease: Lease) -> None:
        """Make the child ready for others, or retire it: the slot is free when what the turn left is gone."""
        try:
            if lease.forgets and lease.conversation:
                await asyncio.to_thread(sweep, kept, lease.conversation)
            self._starter.rest(kept)
            is_clean = await leavings.is_clean(kept, self._descendants)
            lingers = not is_clean and self.lingering.settle(kept)
            may_wait = is_clean and self._may_wait(lease) and not self._starter.is_outdated(kept)
        except Exception:  # noqa: BLE001  whatever it is, the slot must be free in the end
            _log.exception("the child of %s could not be tidied", kept.marker)
            lingers = may_wait = False
        if not (lingers or may_wait):
            self._retire(kept, lease)
            return
        lease.part()
        lease.ticket.release()
        if may_wait:
            self._put(kept)

    def _start_ahead(self, lease: Lease) -> None:
        """Start one more of that kind, if it is wanted and none will wait."""
        backend, spec, key = lease.backend, lease.spec, lease.want.key
        comes_back = backend.traits.conversations and lease.forgets
        if not self._has_room or spec.resume or comes_back:
            return
        if self._shelf.fitting(key, spec) or not self._demand.is_worth_one(key):
            return
        try:
            # Anew: the first start of a CLI in a home makes settings there, which this one will have read.
            want = replace(lease.want, key=self._starter.key(backend, spec))
            kept = self._started(want, f"{_AHEAD}-{secrets.token_hex(8)}")
        except SpawnFailed as error:  # the next run will be told, if it still cannot be
            _log.info("no child was started ahead: %s", error)
            return
        self._put(kept)

    def _started(self, want: Want, marker: str) -> Kept:
        kept = self._starter.start(want, marker)
        kept.note_own()
        if not kept.child.dialogue.ready:  # a turn is held back until it is
            kept.child.on_ready = kept.note_own
        kept.child.ended.add_done_callback(lambda _: self._ended(kept))
        return kept

    def _ended(self, kept: Kept) -> None:
        """It ended by itself: whatever it has left goes, too."""
        if kept in self._shelf or kept in self.lingering:
            self._retire(kept)

    def _with_conversation(self, backend: Backend, conversation: str) -> Kept | None:
        """That which waits, and is kept for the conversation; what was left of its last turn lingers no more."""
        kept = self.lingering.recall(backend, conversation)
        if kept:
            self._shelf.put(kept, self._now())
        return self._shelf.with_conversation(backend, conversation)

    def _put(self, kept: Kept) -> None:
        """Let it wait; those who have waited longest make room for it."""
        self.lingering.leave(kept)
        self._starter.rest(kept)
        self._make_room(self._limits.children - 1)
        self._shelf.put(kept, self._now())

    def _make_room(self, children: int) -> None:
        """Retire the longest-waiting until there are `children` at most, in their share of memory."""
        for kept in self._shelf:
            if len(self._shelf) <= children and self._shelf.memory <= self._limits.memory_bytes:
                break
            self._retire(kept)

    def _retire(self, kept: Kept, lease: Lease | None = None) -> None:
        """End a child that has no turn, `lease` being its last one."""
        if kept in self._shelf:
            self._shelf.take(kept)
        self.lingering.ends(kept)
        retiring = self._tasks.spawn(self._put_away(kept, lease), name=f"retire {kept.marker}")
        if not retiring.done():
            self._retiring[kept] = retiring
            retiring.add_done_callback(lambda _: self._retiring.pop(kept, None))

    async def _put_away(self, kept: Kept, lease: Lease | None) -> None:
        try:
            await self._starter.put_away(kept, kept.backend.traits.retire)
        finally:
            self.lingering.leave(kept)
            if lease:
                lease.ticket.release()
