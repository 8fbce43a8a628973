"""Which file system holds a path, as the kernel tells it."""

import os
import re
from pathlib import Path
from typing import NamedTuple

_ESCAPED = re.compile(r"\\([0-7]{3})")
_TABLE = Path("/proc/self/mountinfo")


class Mount(NamedTuple):
    """Where it is mounted, of which kind it is, and its options, the file system's own included."""

    point: str
    kind: str
    options: tuple[str, ...]


def table(file: Path = _TABLE) -> list[Mount]:
    """Every mount, in the order they were made; none where the kernel does not tell."""
    try:
        lines = file.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
    return [mount for line in lines if (mount := _mount(line))]


def holding(path: Path, mounts: list[Mount]) -> Mount | None:
    """The mount that `path`, or what there is of it, lies on: of several over one point the last."""
    real = os.path.realpath(path)
    found = None
    for mount in mounts:
        below = mount.point.rstrip("/") + "/"
        if (real + "/").startswith(below) and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def _mount(line: str) -> Mount | None:
    before, _, after = line.partition(" - ")
    fields, others = before.split(" "), after.split(" ")
    if len(fields) < 6 or len(others) < 3:
        return None
    point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])
    return Mount(point, others[0], (*fields[5].split(","), *others[2].split(",")))
