"""Who listens on this machine, as the kernel tells it (Linux)."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LISTENS: Final = "0A"
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def holders(port: int) -> list[int]:
    """The processes that have the socket which listens on `port`, as far as they can be seen."""
    wanted = {f"socket:[{inode}]" for inode, _ in _listening(port)}
    if not wanted:
        return []
    return [
        int(name)
        for name in _names("/proc")
        if name.isdecimal()
        and any(_leads(f"/proc/{name}/fd/{each}") in wanted for each in _names(f"/proc/{name}/fd"))
    ]


def user(port: int) -> int | None:
    """The user whose socket listens on `port`: that is told of every user's."""
    return next((uid for _, uid in _listening(port)), None)


def name(pid: int) -> str:
    """What `pid` is called, without its arguments: these may hold anything. Empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _listening(port: int) -> Iterator[tuple[str, int]]:
    """The inode and the user of each socket that listens there."""
    for table in _TABLES:
        with contextlib.suppress(OSError):
            for line in table.read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9], int(fields[7])


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  some hundred of them
    except OSError:  # another user's, or gone
        return []


def _leads(link: str) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115  some thousand of them
    except OSError:
        return ""
