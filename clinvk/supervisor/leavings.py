"""What a turn leaves: processes and files that the next one must not meet. A child that has any goes with them."""

import asyncio
from typing import Final

from clinvk.supervisor import sites
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.lease import Kept

_PAUSES: Final = (0.01, 0.03, 0.08, 0.16, 0.32)
"""Seconds between looks: what a CLI does beside a turn, such as a look at the user's shell, ends by itself."""


async def is_clean(kept: Kept, descendants: Descendants) -> bool:
    """Whether nothing is left of the turn that is over, after a moment's patience."""
    try:
        for pause in (*_PAUSES, None):
            if not _processes(kept, descendants):
                return kept.child.is_heard and _files_are_its_own(kept)
            if pause:
                await asyncio.sleep(pause)
    except OSError:  # out of descriptors, or its folder is gone: nobody can tell
        pass
    return False


def has_left(kept: Kept, descendants: Descendants) -> bool:
    """Whether any process is there that a turn of it began. Raises OSError."""
    return bool(_processes(kept, descendants))


def has_begun_something(kept: Kept, descendants: Descendants) -> bool:
    """Whether a child that waits has had processes at two looks in a row that it should not have."""
    try:
        has_any = has_left(kept, descendants)
    except OSError:
        return True
    had_any, kept.has_begun = kept.has_begun, has_any
    return has_any and had_any


def _files_are_its_own(kept: Kept) -> bool:
    """Whether nobody else may see them, or they are as they were before any turn. Raises OSError."""
    return kept.conversation is not None or kept.files == sites.contents(kept.outfit.folder)


def _processes(kept: Kept, descendants: Descendants) -> set[tuple[int, int]]:
    """By pid and start, those that its turns began and that are still there. Raises OSError."""
    rows = descendants.remains(kept.marker)
    return {(row.pid, row.started) for row in rows} - kept.own if kept.turns else set()
