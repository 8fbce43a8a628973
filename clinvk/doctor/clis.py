"""The CLIs that there are for a server to start: each is examined, all side by side."""

import asyncio
import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import Final

from clinvk import wiring
from clinvk.backends.base import Backend
from clinvk.backends.registry import default_registry
from clinvk.doctor.case import Case
from clinvk.doctor.cli import ASK_SECS, Examination
from clinvk.doctor.finding import Finding, Id, note, problem, warning
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.tasks import Tasks, first_of

_BOUND_SECS: Final = 4.0
"""What the look at one CLI may take, its end included: one that hangs is not to hide the others."""


async def findings(case: Case) -> list[Finding]:
    """Of every CLI. Leaves no process behind."""
    try:
        descendants = Descendants()
    except OSError as error:  # without the table of processes nobody could end what is started
        message = f"no CLI is asked anything: the table of processes cannot be read ({error.strerror})"
        return [warning(Id.CLI_UNASKED, "/proc", message, "mount /proc")]
    try:
        with tempfile.TemporaryDirectory(prefix="clinvk-doctor-", ignore_cleanup_errors=True) as folder:
            return await _examined(case, descendants, folder)
    except OSError as error:
        message = f"no CLI is asked anything: there is no room for temporary files ({error.strerror})"
        return [warning(Id.CLI_UNASKED, "TMPDIR", message, "see the temporary files below")]


async def _examined(case: Case, descendants: Descendants, folder: str) -> list[Finding]:
    settings = case.settings
    registry = default_registry(wiring.disabled(settings))
    paths = {name: backend.path for name, backend in settings.backends.items() if backend.path}
    variables = {name: wiring.variables(backend) for name, backend in settings.backends.items()}
    probe = Probe(registry, paths, descendants, variables, ASK_SECS)
    enabled = [registry.get(name) for name in registry.names()]
    examined = [
        Examination(case, backend, backend.executable, probe, descendants, folder)
        for backend in enabled
        if backend.executable
    ]
    tasks = Tasks()
    asked = {each.name: tasks.spawn(each.findings(), name=each.name) for each in examined}
    try:
        if asked:
            all_of_them = tasks.spawn(asyncio.wait(asked.values()), name="every CLI")
            await first_of(all_of_them, timeout=_BOUND_SECS)
        found = [task.result() if task.done() else [_slow(name)] for name, task in asked.items()]
        unknown = {name for name, task in asked.items() if not task.done()}
        await tasks.cancel()
    finally:
        await probe.close()
    useless = [each.name for each in examined if not (each.usable or each.name in unknown)]
    return [*chain.from_iterable(found), *_disabled(registry.disabled), *_none(case, list(asked), useless)]


def _slow(name: str) -> Finding:
    message = f"{name} was not looked at to the end within {_BOUND_SECS:g} s: it, or the machine, is busy"
    return warning(Id.CLI_SLOW, name, message, "try again when less is going on; run it by hand")


def _disabled(backends: tuple[Backend, ...]) -> Iterator[Finding]:
    for backend in backends:
        yield note(Id.CLI_DISABLED, backend.name, f"{backend.name} is disabled (backends.{backend.name}.enabled)")


def _none(case: Case, asked: list[str], useless: list[str]) -> Iterator[Finding]:
    """Whether anything but the demo can be run at all, and what is asked for where no backend is named."""
    usable = [name for name in asked if name not in useless]
    default = case.settings.default_backend
    if asked and not usable:
        message = "no CLI can be used: a server would have the demo backend only"
        yield problem(Id.CLI_NONE, "clis", message, "install one of them, and log in")
    elif default in useless:
        message = f"default_backend is {default}, which cannot be used"
        yield warning(Id.CLI_NONE, default, message, f"clinvk config set default_backend {usable[0]}")
