"""The stop ladder: ask, insist, kill."""

import asyncio
import contextlib
import signal
from typing import Any, Final

from clinvk import processes
from clinvk.backends.base import Rung, Step
from clinvk.supervisor.child import Child
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.lease import Kept, Lease
from clinvk.supervisor.tasks import first_of

_STOPPED: Final = "T"


async def climb(kept: Kept, rungs: tuple[Rung, ...], descendants: Descendants, lease: Lease | None = None) -> None:
    """Each rung given its grace, none after the exit; then KILL for whatever is left.

    `lease` is the turn under way, if there is one. Returns when the child and everything charged to it are gone.
    """
    try:
        with contextlib.suppress(OSError):  # out of descriptors: what can be seen later has to do
            descendants.glance()  # while ancestry still shows: a parent that obeys leaves orphans
        for step, grace in rungs:
            if kept.child.exit is not None:
                break
            _wake(kept.child)
            await _take(step, grace, kept.child, lease)
    finally:  # whatever an adapter may get wrong on the way, the last rung is always taken
        await descendants.end(kept.marker)
        await kept.child.ended
        descendants.forget(kept.marker)


def _wake(child: Child) -> None:
    """Let a child go on that is stopped, by itself or by anybody: until then it hears nothing but KILL."""
    with contextlib.suppress(OSError):  # out of descriptors: KILL will do
        row = processes.read(child.pid)
        if row and row.state == _STOPPED:
            child.signal(signal.SIGCONT)


async def _take(step: Step, grace: float, child: Child, lease: Lease | None) -> None:
    awaited: list[asyncio.Future[Any]] = [child.ended]
    match step:
        case Step.INTERRUPT:
            if lease is None or not child.interrupt(lease.turn):
                return  # only a signal helps: no use in waiting
            awaited.append(lease.over)
        case Step.CLOSE_STDIN:
            child.close_stdin()
        case Step.SIGINT:
            child.signal(signal.SIGINT)
        case Step.SIGTERM:
            child.signal(signal.SIGTERM)
    await first_of(*awaited, timeout=grace)
