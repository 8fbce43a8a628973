"""Whether this machine, or what of it we were given, is short of memory. Read from /proc and from cgroups."""

from pathlib import Path
from typing import Final

_SHARE_LEFT: Final = 0.05
"""Below it what is left is too little for anybody who only waits."""
_GROUPS: Final = Path("/sys/fs/cgroup")


def is_high(meminfo: Path = Path("/proc/meminfo"), own: Path = Path("/proc/self/cgroup")) -> bool:
    """Whether less than a twentieth is free, of the machine or of any group that we are in. Blocks a moment."""
    return any(left < _SHARE_LEFT * whole for left, whole in _bounds(meminfo, own) if whole > 0)


def _bounds(meminfo: Path, own: Path) -> list[tuple[int, int]]:
    """What is left, and of how much, in bytes, for each bound that can be read."""
    bounds = []
    try:
        rows = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        bounds.append((_kilobytes(rows["MemAvailable"]), _kilobytes(rows["MemTotal"])))
    except (OSError, KeyError, ValueError):  # another system, which tells it in another way
        pass
    return [*bounds, *_of_groups(own)]


def _kilobytes(value: str) -> int:
    return int(value.split(maxsplit=1)[0]) << 10


def _of_groups(own: Path) -> list[tuple[int, int]]:
    bounds = []
    try:
        name = next(line[3:] for line in own.read_text().splitlines() if line.startswith("0::"))
        folder = _GROUPS / name.strip("/")
        for group in (folder, *folder.parents):
            if not group.is_relative_to(_GROUPS):
                break
            bounds += _of_group(group)
    except (OSError, StopIteration):  # no groups of the second version
        pass
    return bounds


def _of_group(group: Path) -> list[tuple[int, int]]:
    try:
        most, used = group.joinpath("memory.max").read_text(), group.joinpath("memory.current").read_text()
        inactive = _inactive(group.joinpath("memory.stat").read_text())
        return [] if most.strip() == "max" else [(int(most) - int(used) + inactive, int(most))]
    except (OSError, ValueError):  # the root group has none
        return []


def _inactive(stat: str) -> int:
    """Bytes of files that were read and can be let go at once."""
    rows = dict(line.split() for line in stat.splitlines())
    return int(rows.get("inactive_file", 0))
