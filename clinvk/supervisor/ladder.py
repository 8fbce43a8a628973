"""The stop ladder: ask, insist, kill."""

import asyncio
import contextlib
import signal
from typing import Any

from clinvk.backends.base import Rung, Step
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.lease import Lease
from clinvk.supervisor.tasks import first_of


async def climb(lease: Lease, rungs: tuple[Rung, ...], descendants: Descendants) -> None:
    """Each rung given its grace, none after the exit; then KILL for whatever is left.

    Returns when the child and everything charged to it are gone.
    """
    try:
        with contextlib.suppress(OSError):  # out of descriptors: what can be seen later has to do
            descendants.look()  # while ancestry still shows: a parent that obeys leaves orphans
        for step, grace in rungs:
            if lease.child.exit is not None:
                break
            await _take(step, grace, lease)
    finally:  # whatever an adapter may get wrong on the way, the last rung is always taken
        await descendants.end(lease.marker)
        await lease.child.ended
        descendants.forget(lease.marker)


async def _take(step: Step, grace: float, lease: Lease) -> None:
    child = lease.child
    awaited: list[asyncio.Future[Any]] = [child.ended]
    match step:
        case Step.INTERRUPT:
            if not child.interrupt(lease.turn):
                return  # only a signal helps: no use in waiting
            awaited.append(lease.over)
        case Step.CLOSE_STDIN:
            child.close_stdin()
        case Step.SIGINT:
            child.signal(signal.SIGINT)
        case Step.SIGTERM:
            child.signal(signal.SIGTERM)
    await first_of(*awaited, timeout=grace)
