"""Children, lent to runs. One use a child for now: a lease is always cold."""

import asyncio
import logging
import os
from collections.abc import Mapping

from clinvk.backends.base import Backend, Command, Installation, Rung, Site
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import environment, ladder, residue, sites
from clinvk.supervisor.child import Child, SpawnFailed
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.forgetting import Forgetting
from clinvk.supervisor.lease import Lease, Outfit
from clinvk.supervisor.litter import Litter
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.residue import Removed
from clinvk.supervisor.sites import Sites
from clinvk.supervisor.slots import Ticket
from clinvk.supervisor.tasks import Tasks
from clinvk.views import CommandView, Inspection, Resources

_log = logging.getLogger("clinvk.pool")


class Pool:
    """Owns every child. Whatever way a lease ends, its processes end, and only then is its slot free."""

    def __init__(
        self,
        tasks: Tasks,
        descendants: Descendants,
        probe: Probe,
        variables: Mapping[str, Mapping[str, str]],
    ) -> None:
        """`probe` knows how CLIs are installed; `variables` are what their children see beyond the usual."""
        self._tasks = tasks
        self._descendants = descendants
        self._probe = probe
        self._variables = variables
        self._forgetting = Forgetting(probe, descendants)
        self.sites = Sites()
        self._litter = Litter()
        self._retiring: dict[str, asyncio.Task[None]] = {}

    def adjust(self, variables: Mapping[str, Mapping[str, str]]) -> None:
        """Let children that are started from now on see these."""
        self._variables = variables

    def show(self, backend: Backend, spec: RunSpec) -> CommandView:
        """What would be executed for `spec`. Raises SpawnFailed."""
        site = Site(self._installation(backend), self.sites.next_folder)
        return self._view(backend, backend.command(spec, site), site)

    def lease(self, backend: Backend, spec: RunSpec, ticket: Ticket, marker: str) -> Lease:
        """A child for `spec`. Raises SpawnFailed; the ticket is then still the caller's."""
        installation = self._installation(backend)
        try:
            site = Site(installation, self.sites.make())
        except OSError as error:
            raise SpawnFailed(f"The CLI has no place for its files: {error.strerror}") from error
        litter: tuple[str, ...] = ()
        try:
            command = backend.command(spec, site)
            variables = self._environment(backend, command, site, marker)
            sites.furnish(site.folder, command.files)
            litter = self._litter.expect(backend.traits.litter, command.cwd)
            child = Child.spawn(command, variables, backend.dialogue(spec))
        except BaseException as error:
            self._litter.tidy(litter)
            sites.remove(site.folder)
            self._probe.forget(backend.name)
            if isinstance(error, OSError | ValueError):  # a character that no path and no argument can hold, say
                raise SpawnFailed(f"The CLI could not be started: {error}") from error
            raise
        self._descendants.enrol(marker, child.pid)
        swept = variables if spec.ephemeral and not spec.resume else None
        view = self._view(backend, command, site)
        return Lease(child, Outfit(backend, marker, site.folder, view, litter, swept), ticket)

    def release(self, lease: Lease) -> None:
        """The turn is over: retire the child. Nobody has to wait for that but the drain."""
        end = self._end(lease, lease.backend.traits.retire)
        retiring = self._tasks.spawn(end, name=f"retire {lease.marker}")
        if lease.conversation:
            self._retiring[lease.conversation] = retiring
            retiring.add_done_callback(lambda _: self._retiring.pop(lease.conversation or "", None))

    async def settled(self, conversation: str) -> None:
        """Wait until no child of ours still writes down what was said in `conversation`."""
        retiring = self._retiring.get(conversation)
        if retiring:
            await asyncio.wait([retiring])

    async def stop(self, lease: Lease) -> None:
        """End the turn and its child by the stop ladder; returns when all its processes are gone."""
        await self._end(lease, lease.backend.traits.stop)

    def usage(self, lease: Lease) -> Resources | None:
        """What its processes took when they were last looked at."""
        return self._descendants.usage(lease.marker)

    async def inspect(self, lease: Lease) -> Inspection:
        """Its processes now, and the end of what its CLI wrote to stderr so far."""
        return Inspection(await self._descendants.inspect(lease.marker), lease.child.stderr_tail)

    async def forget(self, backend: Backend, conversation: str) -> Removed:
        """Delete what the CLI keeps of a conversation, once nobody writes it any more."""
        await self.settled(conversation)
        return await self._forgetting.forget(backend, conversation, self._variables.get(backend.name, {}))

    async def discard(self, lease: Lease) -> None:
        """Retire the child, and leave the ticket to the caller, for another lease."""
        await self._put_away(lease, lease.backend.traits.retire)

    async def _end(self, lease: Lease, rungs: tuple[Rung, ...]) -> None:
        try:
            await self._put_away(lease, rungs)
        finally:
            lease.ticket.release()

    async def _put_away(self, lease: Lease, rungs: tuple[Rung, ...]) -> None:
        lease.child.resume()  # a child that waits for us to read could not obey
        try:
            await ladder.climb(lease, rungs, self._descendants)
        finally:
            self._litter.tidy(lease.outfit.litter)
            await asyncio.to_thread(_clear, lease)

    def close(self) -> None:
        """Remove what is left of the sites. Not for the loop's thread."""
        self.sites.close()

    def _installation(self, backend: Backend) -> Installation:
        installation = self._probe.found(backend.name)
        if installation is None:
            raise SpawnFailed(f"The CLI of '{backend.name}' is not installed any more")
        return installation

    def _environment(self, backend: Backend, command: Command, site: Site, marker: str) -> dict[str, str]:
        added = {**command.env, **self._variables.get(backend.name, {}), "TMPDIR": site.folder}
        return environment.clean(os.environ, backend.traits.environment, added, marker)

    def _view(self, backend: Backend, command: Command, site: Site) -> CommandView:
        names = sorted(self._environment(backend, command, site, ""))
        return CommandView(command.argv, command.cwd, tuple(names), site.installation.version)


def _clear(lease: Lease) -> None:
    """Remove what the child leaves: its folder, and what its CLI kept although it was asked not to."""
    sites.remove(lease.outfit.folder)
    try:
        if lease.outfit.swept is not None and lease.conversation:
            residue.remove(lease.backend.residue(lease.conversation), lease.outfit.swept)
    except Exception:  # noqa: BLE001  what is left behind must not keep a run from its end
        _log.exception("what the CLI of %s kept could not be removed", lease.marker)
