"""Vetting: what is refused before anything of it begins."""

import asyncio
from dataclasses import replace

from clinvk.backends.base import Backend
from clinvk.backends.registry import Registry
from clinvk.domain.access import Grant
from clinvk.domain.errors import BackendNotFound, Fault, Forbidden, InvalidInput, ShuttingDown
from clinvk.domain.group import GroupSpec
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import workdir
from clinvk.supervisor.limits import BackendOptions, Limits
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.workdir import ANYWHERE


class Vetting:
    """Sees whether what was asked for may be run: by its key, its folder, and its backend."""

    def __init__(self, registry: Registry, probe: Probe, limits: Limits) -> None:
        self.limits = limits
        self.draining = False
        self._registry = registry
        self._probe = probe

    async def vetted(self, spec: RunSpec) -> tuple[RunSpec, Backend]:
        """`spec` with its workdir by its real path, and with the model that is configured if it names none; and
        the backend that it names, whose CLI is at hand.

        Raises Forbidden, BackendNotFound, InvalidInput, ShuttingDown.
        """
        options = self.limits.backends.get(spec.backend, BackendOptions())
        settled = replace(spec, workdir=workdir.real(spec.workdir), model=spec.model or options.model)
        # Before all else: what is not for somebody, they shall not even learn to be there.
        self._check_backend(spec)
        self._check_folder(spec.workdir, settled)
        backend = self._registry.get(spec.backend)
        faults = workdir.faults(settled.workdir) + _faults(settled, backend) + self._linger_faults(spec)
        if faults:
            raise InvalidInput(faults)
        self._check_more_folders(settled, backend)
        if self._probe.found(backend.name) is None:  # it may have been installed since
            await self._probe.look(backend.name)
        if self.draining:
            raise ShuttingDown
        if self._probe.found(backend.name) is None:
            raise BackendNotFound(backend.name, self._probe.reason(backend.name))
        return settled, backend

    async def vet(self, group: GroupSpec) -> None:
        """Raises InvalidInput with every fault of each of its runs, else what `vetted` raises for the first."""
        faults: list[Fault] = []
        refused: list[BackendNotFound | Forbidden] = []
        for spec, place in zip(group.specs, group.places, strict=True):
            await asyncio.sleep(0)  # each look at folders holds the loop, a millisecond with many prefixes
            try:
                await self.vetted(spec)
            except InvalidInput as error:
                faults += [replace(fault, path=place + fault.path) for fault in error.faults]
            except (BackendNotFound, Forbidden) as error:
                refused.append(error)
        if faults:
            raise InvalidInput(list(dict.fromkeys(faults)))
        if refused:
            raise refused[0]

    def _linger_faults(self, spec: RunSpec) -> list[Fault]:
        """What is wrong with the time that it would have what it leaves live on for."""
        asked, most = spec.linger_secs, self.limits.linger.secs
        if asked is None or asked <= most:
            return []
        if not most:
            told = "is not allowed here: what a run leaves ends with it"
            return [Fault("/linger_secs", told, "no such field, or a server that has linger.max_secs set")]
        return [Fault("/linger_secs", f"{asked:g} is too large", f"at most {most:g} (linger.max_secs)")]

    def _grant(self, spec: RunSpec) -> Grant | None:
        label = spec.origin.key_label
        return None if label is None else self.limits.grants.get(label, spec.origin.grant)

    def _check_backend(self, spec: RunSpec) -> None:
        """Raises Forbidden where its key may not use that backend."""
        grant = self._grant(spec)
        if grant and grant.backends is not None and spec.backend not in grant.backends:
            named = ", ".join(sorted(grant.backends)) or "none"
            told = f"The key '{grant.label}' may not use the backend '{spec.backend}'"
            raise Forbidden(f"{told}: its backends are {named}")

    def _check_folder(self, asked: str, settled: RunSpec) -> None:
        """Raises Forbidden where nobody may work in `settled.workdir`, or its key may not; `asked` names it."""
        fault, grant = self.limits.workdirs.fault(settled.workdir), self._grant(settled)
        if fault:
            raise Forbidden(f"Runs may not work in '{asked}': {fault}")
        if grant and grant.workdirs is not None and not workdir.is_within(settled.workdir, grant.workdirs):
            named = ", ".join(grant.workdirs) or "none"
            raise Forbidden(f"The key '{grant.label}' may not work in '{asked}': its workdirs are {named}")

    def _check_more_folders(self, settled: RunSpec, backend: Backend) -> None:
        """Raises Forbidden where a flag of the request names a folder that could not be its workdir."""
        grant = self._grant(settled)
        if self.limits.workdirs == ANYWHERE and (grant is None or grant.workdirs is None):
            return
        for flag in settled.extra[settled.preset_flags :]:
            name, _, value = flag.partition("=")
            for folder in value.split(",") if name in backend.traits.folder_flags else ():
                if not folder.strip().startswith("/"):  # how a CLI reads `~` and the like is its own affair
                    raise Forbidden(f"'{name}' may only name absolute paths here, and '{folder}' is none")
                self._check_folder(folder, replace(settled, workdir=workdir.real(folder.strip())))


def _faults(spec: RunSpec, backend: Backend) -> list[Fault]:
    """What the backend finds wrong, its flags counted as the request has them; and flags that are not for it."""
    preset = spec.preset_flags
    places = {f"/extra/{index}": f"/extra/{index - preset}" for index in range(preset, len(spec.extra))}
    found = [replace(fault, path=places.get(fault.path, fault.path)) for fault in backend.faults(spec)]
    fixed = {flag.partition("=")[0] for flag in spec.extra[:preset]} & {*backend.traits.final_flags}
    return found + [
        Fault(f"/extra/{index}", f"'{flag}' is for the server to say", f"no {name}: the settings have it")
        for index, flag in enumerate(spec.extra[preset:])
        if (name := flag.partition("=")[0]) in fixed
    ]
