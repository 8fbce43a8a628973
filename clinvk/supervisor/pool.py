"""The pool: children, lent to runs. One that has answered may wait for the next, and some are started ahead."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from clinvk.backends.base import Backend
from clinvk.domain.events import TurnDone
from clinvk.domain.run import Start
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import leavings
from clinvk.supervisor.child import SpawnFailed
from clinvk.supervisor.demand import Demand
from clinvk.supervisor.descendants import LOOK_SECS, Descendants
from clinvk.supervisor.forgetting import Forgetting
from clinvk.supervisor.lease import Kept, Lease, Want
from clinvk.supervisor.limits import PoolLimits
from clinvk.supervisor.measuring import measure
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.residue import Removed
from clinvk.supervisor.shelf import Idle, Shelf
from clinvk.supervisor.slots import Ticket
from clinvk.supervisor.starter import Starter, sweep
from clinvk.supervisor.tasks import Tasks, first_of
from clinvk.views import CommandView, Inspection, Resources

_log = logging.getLogger("clinvk.pool")

_AHEAD: Final = "ahead"
"""What the markers of children begin with that are started before any run wants them."""


class Pool:
    """Owns every child. A child has one turn at a time, and what a turn started ends with the turn."""

    def __init__(
        self,
        tasks: Tasks,
        descendants: Descendants,
        probe: Probe,
        starter: Starter,
        limits: PoolLimits,
    ) -> None:
        """`probe` knows how CLIs are installed."""
        self._limits = limits
        self._tasks = tasks
        self._descendants = descendants
        self._starter = starter
        self._forgetting = Forgetting(probe, descendants)
        self._shelf = Shelf()
        self._demand = Demand()
        self._tidying: dict[Kept, asyncio.Task[None]] = {}
        self._retiring: dict[Kept, asyncio.Task[None]] = {}
        self._now = asyncio.get_running_loop().time
        self._closing = False
        self.sites = self._starter.sites

    def show(self, backend: Backend, spec: RunSpec) -> CommandView:
        """What would be executed for `spec`. Raises SpawnFailed."""
        return self._starter.show(backend, spec)

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
            kept = self._shelf.with_conversation(backend, spec.resume)
            if kept and not self._shelf.is_live(kept, key, spec):
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
        if not self._may_wait(lease):
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

    def usage(self, lease: Lease) -> Resources | None:
        """What its processes took when they were last looked at."""
        return self._descendants.usage(lease.marker)

    async def inspect(self, lease: Lease) -> Inspection:
        """Its processes now, and the end of what its CLI wrote to stderr so far."""
        return Inspection(await self._descendants.inspect(lease.marker), lease.child.stderr_tail)

    async def settled(self, conversation: str) -> None:
        """Wait until no child whose turn is over still writes down what was said in it."""
        while under_way := [
            task for kept, task in [*self._tidying.items(), *self._retiring.items()] if kept.last == conversation
        ]:
            await asyncio.wait(under_way)

    async def forget(self, backend: Backend, conversation: str) -> Removed:
        """Delete what the CLI keeps of a conversation, once nobody writes it any more."""
        await self.settled(conversation)
        kept = self._shelf.with_conversation(backend, conversation)
        if kept:
            self._retire(kept)
            await self.settled(conversation)
        return await self._forgetting.forget(backend, conversation, self._starter.variables.get(backend.name, {}))

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
        if not self._shelf:
            return
        try:
            measured, is_short = await asyncio.to_thread(measure, list(self._shelf))
        except OSError as error:  # out of descriptors: the next look will do
            _log.warning("the children that wait could not be looked at: %s", error.strerror)
            return
        for kept, since, memory, history in measured:
            if kept not in self._shelf or kept.idle_since != since:
                continue  # it had a turn meanwhile
            kept.memory, kept.history = memory, history
            late = self._now() - since >= self._limits.idle_secs
            if late and not kept.turns:
                self._demand.wasted(kept.key)
            has_begun = leavings.has_begun_something(kept, self._descendants)
            if late or is_short or has_begun or not kept.child.is_heard:
                self._retire(kept)
        self._make_room(self._limits.children)

    def end(self) -> None:
        """No child waits any more, from now on: the tasks that end them are among those that were given."""
        self._closing = True
        for kept in self._shelf:
            self._retire(kept)

    def close(self) -> None:
        """Remove what is left of the sites. Not for the loop's thread."""
        self._starter.close()

    @property
    def _has_room(self) -> bool:
        """Whether anybody may wait."""
        return self._limits.children > 0 and not self._closing

    def _may_wait(self, lease: Lease) -> bool:
        """Whether the child is worth tidying up after this turn: another may come for it."""
        kept, done = lease.kept, lease.over.result()
        following = lease.spec if lease.forgets else replace(lease.spec, resume=lease.conversation)
        return (
            self._has_room
            and isinstance(done, TurnDone)
            and done.error is None
            and kept.child.is_heard
            and kept.turns < self._limits.turns
            and lease.conversation is not None
            and (kept.backend.traits.conversations or not lease.forgets)
            and kept.child.dialogue.fit(following) is not None
        )

    async def _tidy(self, kept: Kept, lease: Lease) -> None:
        """Make the child ready for others, or retire it: the slot is free when what the turn left is gone."""
        try:
            if lease.forgets and lease.conversation:
                await asyncio.to_thread(sweep, kept, lease.conversation)
            self._starter.rest(kept)
            is_clean = await leavings.is_clean(kept, self._descendants)
        except Exception:  # noqa: BLE001  whatever it is, the slot must be free in the end
            _log.exception("the child of %s could not be tidied", kept.marker)
            is_clean = False
        if not is_clean or self._starter.is_outdated(kept) or not self._has_room:
            self._retire(kept, lease)
            return
        lease.part()
        lease.ticket.release()
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
            kept = self._started(lease.want, f"{_AHEAD}-{secrets.token_hex(8)}")
        except SpawnFailed as error:  # the next run will be told, if it still cannot be
            _log.info("no child was started ahead: %s", error)
            return
        self._put(kept)

    def _started(self, want: Want, marker: str) -> Kept:
        kept = self._starter.start(want, marker)
        kept.note_own()
        if not kept.child.dialogue.ready:  # a turn is held back until it is
            kept.child.on_ready = kept.note_own
        kept.child.ended.add_done_callback(lambda _: self._retire(kept) if kept in self._shelf else None)
        return kept

    def _put(self, kept: Kept) -> None:
        """Let it wait; those who have waited longest make room for it."""
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
        retiring = self._tasks.spawn(self._put_away(kept, lease), name=f"retire {kept.marker}")
        if not retiring.done():
            self._retiring[kept] = retiring
            retiring.add_done_callback(lambda _: self._retiring.pop(kept, None))

    async def _put_away(self, kept: Kept, lease: Lease | None) -> None:
        try:
            await self._starter.put_away(kept, kept.backend.traits.retire)
        finally:
            if lease:
                lease.ticket.release()
