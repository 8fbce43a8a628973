"""The whole examination: every check beside the others, each bounded, none able to end it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from clinvk.doctor import clis, configuration, home, machine, server, terminal, tls, variables
from clinvk.doctor.aside import aside
from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, warning
from clinvk.supervisor.tasks import Tasks, first_of

Check = Callable[[Case], Iterable[Finding]]

BOUND_SECS: Final = 4.4
"""What a check may take. The slowest asks a CLI, and bounds that itself."""

CHECKS: Final[Mapping[str, Check]] = {
    "configuration": configuration.findings,
    "tls": tls.findings,
    "home": home.findings,
    "server": server.findings,
    "terminal": terminal.findings,
    "environment": variables.findings,
    "machine": machine.findings,
}


async def examine(case: Case, checks: Mapping[str, Check] = CHECKS, seconds: float = BOUND_SECS) -> list[Finding]:
    """What there is to find, in the order of the checks. No process of it is left."""
    machine.become_subreaper()  # before anything is started
    tasks = Tasks()
    works = [("clis", clis.findings(case)), *((name, _in_thread(check, case)) for name, check in checks.items())]
    started = [(name, tasks.spawn(_safely(name, work), name=name)) for name, work in works]
    everything = tasks.spawn(asyncio.wait([task for _, task in started]), name="every check")
    await first_of(everything, timeout=seconds)
    found: list[Finding] = []
    for name, task in started:
        found += task.result() if task.done() else [_slow(name, seconds)]
    await tasks.cancel()
    return found


async def _in_thread(check: Check, case: Case) -> list[Finding]:
    return await aside(lambda: list(check(case)))


async def _safely(name: str, work: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await work
    except Exception as error:  # noqa: BLE001  a check that fails is a finding, and the others go on
        return [_failed(name, error)]


def _slow(name: str, seconds: float) -> Finding:
    message = f"the check of {name} did not end within {seconds:g} s: a disk or a program does not answer"
    return warning(Id.DOCTOR_SLOW, name, message, "try again; a network file system that hangs is a usual cause")


def _failed(name: str, error: Exception) -> Finding:
    """Where it failed, and on what: never with the error's own words, which may quote a file."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "somewhere"
    message = f"the check of {name} failed itself ({type(error).__name__} at {where})"
    return warning(Id.DOCTOR_FAILED, name, message, "report it, with this line; the other checks hold")
