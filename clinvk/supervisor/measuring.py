"""What children that wait hold: memory, and conversations on disk."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from clinvk import processes
from clinvk.supervisor import pressure, stamps
from clinvk.supervisor.lease import Kept
from clinvk.supervisor.stamps import Stamp

_log = logging.getLogger("clinvk.pool")

WRITTEN_SECS: Final = 2.0
"""How long a child has to have waited for what its conversation's files hold to be all that it wrote there: claude
writes the last of it some 0.1 s after its answer, and whatever is written later is somebody else's.
"""


class Measured(NamedTuple):
    """One of them, and since when it waited then. `history` is as in `Kept`."""

    kept: Kept
    since: float
    memory: int
    history: Mapping[str, Stamp | None] | None


async def look(waiting: list[Kept]) -> tuple[list[Measured], bool]:
    """What each of them holds, and whether memory is short; of nobody where that cannot be seen just now."""
    try:
        return await asyncio.to_thread(_measure, waiting, asyncio.get_running_loop().time())
    except OSError as error:  # out of descriptors: the next look will do
        _log.warning("the children that wait could not be looked at: %s", error.strerror)
        return [], False


def _measure(waiting: list[Kept], now: float) -> tuple[list[Measured], bool]:
    return [_measured(kept, now) for kept in waiting], pressure.is_high()


def _measured(kept: Kept, now: float) -> Measured:
    pids = (kept.child.pid, *processes.tree(kept.child.pid))
    history, since = kept.history, kept.idle_since
    if kept.conversation and history is None and now - since >= WRITTEN_SECS:
        stored = kept.backend.stored(kept.conversation)
        history = stamps.of_conversation(kept.conversation, stored, kept.outfit.variables)
    return Measured(kept, since, sum(map(processes.shared_out, pids)), history)
