"""How a child comes to be and how it goes: its command, environment and folder, and what it leaves."""

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from clinvk.backends.base import Backend, Command, Installation, Residue, Rung, Site
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import environment, ladder, residue, sites, stamps
from clinvk.supervisor.child import Child
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.forgetting import Forgetting
from clinvk.supervisor.lease import Kept, Key, Lease, Outfit, Want
from clinvk.supervisor.litter import Litter
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.residue import Removed
from clinvk.supervisor.sites import Sites
from clinvk.supervisor.spawning import SpawnFailed
from clinvk.views import CommandView

_log = logging.getLogger("clinvk.starter")


class Starter:
    """Starts children, and puts them away with all that they leave."""

    def __init__(
        self, descendants: Descendants, probe: Probe, sites_: Sites, variables: Mapping[str, Mapping[str, str]]
    ) -> None:
        """`probe` knows how CLIs are installed; `variables` are what their children see beyond the usual."""
        self._own: dict[str, str] = {}
        self.adjust(variables)
        self.sites = sites_
        self._descendants = descendants
        self._probe = probe
        self._litter = Litter()
        self._forgetting = Forgetting(probe, descendants)

    def adjust(self, variables: Mapping[str, Mapping[str, str]]) -> None:
        """Let children that are started from now on see these."""
        self.variables = variables
        self._seen: dict[str, dict[str, str]] = {}

    def show(self, backend: Backend, spec: RunSpec) -> CommandView:
        """What would be executed for `spec`. Raises SpawnFailed."""
        site = Site(self._installation(backend), self.sites.next_folder)
        command = backend.command(spec, site)
        return _view(command, self._environment(backend, command, site, ""), site)

    def key(self, backend: Backend, spec: RunSpec) -> Key:
        """All that shapes a child for `spec` before its first turn. Raises SpawnFailed.

        What the holder of one key said never reaches a child that serves another's.
        """
        installation = self._installation(backend)
        seen = self._seen_by(backend)
        programs = [word for word in installation.argv if word.startswith("/")]
        return (
            backend.key(spec),
            spec.origin.key_label,
            installation,
            frozenset(seen.items()),
            stamps.of(backend.traits.settings, programs, seen, spec.workdir),
        )

    def start(self, want: Want, marker: str) -> Kept:
        """A child that will soon be ready for the turn, or for any other that has its key. Raises SpawnFailed."""
        backend, spec = want.backend, want.spec
        installation = self._installation(backend)
        try:
            site = Site(installation, self.sites.make())
        except OSError as error:
            raise SpawnFailed(f"The CLI has no place for its files: {error.strerror}") from error
        try:
            command = backend.command(spec, site)
            variables = self._environment(backend, command, site, marker)
            sites.furnish(site.folder, command.files)
            cgroup = self._descendants.cgroups.new(Path(site.folder).name)
            self.sites.ledger.note(marker)
            child = Child.spawn(command, variables, backend.dialogue(spec), cgroup)
        except BaseException as error:
            self.sites.ledger.strike(marker)
            sites.remove(site.folder)
            self._probe.forget(backend.name)
            if isinstance(error, OSError | ValueError):  # a character that no path and no argument can hold, say
                raise SpawnFailed(f"The CLI could not be started: {error}") from error
            raise
        self._descendants.enrol(marker, child.pid, cgroup)
        view = _view(command, variables, site)
        outfit = Outfit(backend, marker, site.folder, view, variables, self._added(backend), command.leaves)
        child.open()
        return Kept(child, outfit, want.key)

    def is_outdated(self, kept: Kept) -> bool:
        """Whether other variables have been set for its backend since it was started."""
        return kept.outfit.added != self._added(kept.backend)

    def begin(self, kept: Kept) -> None:
        """It gets a turn."""
        self._descendants.begin(kept.marker)
        kept.litter = self._litter.expect(kept.backend.traits.litter, kept.outfit.command.cwd)

    def rest(self, kept: Kept) -> None:
        """It has no turn, or no more."""
        self._descendants.rest(kept.marker)
        self._tidy(kept)

    async def put_away(self, kept: Kept, rungs: tuple[Rung, ...], lease: Lease | None = None) -> None:
        """End it by these rungs of the stop ladder; returns when all its processes are gone, and its files."""
        kept.child.resume()  # a child that waits for us to read could not obey
        try:
            await ladder.climb(kept, rungs, self._descendants, lease)
        finally:
            self._tidy(kept)
            self.sites.ledger.strike(kept.marker)
            if kept.to_sweep or kept.outfit.leaves or not sites.is_removed(kept.outfit.folder):
                await asyncio.to_thread(self._clear, kept)

    async def forget(self, backend: Backend, conversation: str) -> Removed:
        """Delete what its CLI keeps of a conversation that no child of ours has any more."""
        return await self._forgetting.forget(backend, conversation, self._added(backend))

    def close(self) -> None:
        """Remove what is left of the sites. Not for the loop's thread."""
        self.sites.close()

    def _tidy(self, kept: Kept) -> None:
        litter, kept.litter = kept.litter, ()
        self._litter.tidy(litter)

    def _clear(self, kept: Kept) -> None:
        sites.remove(kept.outfit.folder)
        _remove(kept, kept.outfit.leaves)
        for conversation in kept.to_sweep:
            sweep(kept, conversation)

    def _installation(self, backend: Backend) -> Installation:
        installation = self._probe.found(backend.name)
        if installation is None:
            raise SpawnFailed(f"The CLI of '{backend.name}' is not installed any more")
        return installation

    def _added(self, backend: Backend) -> Mapping[str, str]:
        return self.variables.get(backend.name, {})

    def _environment(self, backend: Backend, command: Command, site: Site, marker: str) -> dict[str, str]:
        own = {"TMPDIR": site.folder, environment.MARKER: marker}
        return {**self._seen_by(backend), **command.env, **self._added(backend), **own}

    def _seen_by(self, backend: Backend) -> dict[str, str]:
        """What every child of it sees."""
        own = dict(os.environ)
        if own != self._own:  # it hardly ever changes, and to choose from it takes long
            self._own, self._seen = own, {}
        if backend.name not in self._seen:
            added = self._added(backend)
            self._seen[backend.name] = environment.clean(self._own, backend.traits.environment, added, "")
        return self._seen[backend.name]


def _view(command: Command, variables: Mapping[str, str], site: Site) -> CommandView:
    return CommandView(command.argv, command.cwd, tuple(sorted(variables)), site.installation.version)


def sweep(kept: Kept, conversation: str) -> None:
    """Remove what its CLI kept of a conversation although it was asked not to. Not for the loop's thread."""
    _remove(kept, kept.backend.residue(conversation))


def _remove(kept: Kept, residues: tuple[Residue, ...]) -> None:
    try:
        residue.remove(residues, kept.outfit.variables)
    except Exception:  # noqa: BLE001  what is left behind must not keep a run from its end
        _log.exception("what the CLI of %s kept could not be removed", kept.marker)
