"""Children, lent to runs. One use a child for now: a lease is always cold."""

import os

from clinvk.backends.base import Backend, Command, Rung
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import environment, ladder
from clinvk.supervisor.child import Child
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.lease import Lease
from clinvk.supervisor.slots import Ticket
from clinvk.supervisor.tasks import Tasks


class Pool:
    """Owns every child. Whatever way a lease ends, its processes end, and only then is its slot free."""

    def __init__(self, tasks: Tasks, descendants: Descendants) -> None:
        self._tasks = tasks
        self._descendants = descendants

    def environment(self, backend: Backend, command: Command, marker: str) -> dict[str, str]:
        """What a child started by `command` would see."""
        return environment.clean(os.environ, backend.traits.environment, command.env, marker)

    def lease(self, backend: Backend, spec: RunSpec, ticket: Ticket, marker: str) -> Lease:
        """A child for `spec`. Raises SpawnFailed; the ticket is then still the caller's."""
        command = backend.command(spec)
        child = Child.spawn(command, self.environment(backend, command, marker), backend.dialogue(spec))
        self._descendants.enrol(marker, child.pid)
        return Lease(child, marker, backend, ticket)

    def release(self, lease: Lease) -> None:
        """The turn is over: retire the child. Nobody has to wait for that but the drain."""
        self._tasks.spawn(self._end(lease, lease.backend.traits.retire), name=f"retire {lease.marker}")

    async def stop(self, lease: Lease) -> None:
        """End the turn and its child by the stop ladder; returns when all its processes are gone."""
        await self._end(lease, lease.backend.traits.stop)

    async def _end(self, lease: Lease, rungs: tuple[Rung, ...]) -> None:
        lease.child.resume()  # a child that waits for us to read could not obey
        try:
            await ladder.climb(lease, rungs, self._descendants)
        finally:
            lease.ticket.release()
