"""What a child's start reads from disk, told apart by when it was written: settings, logins, programs."""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Final, NamedTuple

from clinvk.backends.base import Residue, SettingsFiles
from clinvk.supervisor import residue

_MOST: Final = 256
"""Files of one folder that are looked at."""


class Stamp(NamedTuple):
    """What a file is, and when it was written."""

    device: int
    inode: int
    mode: int
    size: int
    written: int


def of(
    files: SettingsFiles, programs: Iterable[str], variables: Mapping[str, str], workdir: str
) -> tuple[object, ...]:
    """The stamps of all of them. One that changes, comes or goes makes another tuple.

    The workdir itself is told by what it is, not by what is in it: what a path leads to may be replaced.
    """
    home = residue.place_of(files.home, variables)
    own = [f"{home}/{name}" for name in files.own] if home else []
    folders = [workdir, *map(str, PurePath(workdir).parents)] if files.project else []
    project = [f"{folder}/{name}" for folder in folders for name in files.project]
    return (_identity(workdir), *map(stamp, programs), *map(_all_of, own), *map(_all_of, project))


def _all_of(path: str) -> object:
    """The stamp of a file; of a folder those of all that is in it, as far as that is not beyond all measure."""
    found = stamp(path)
    if found is None or not stat.S_ISDIR(found.mode):
        return found
    stamps: list[object] = []
    for folder, folders, files in os.walk(path):
        folders.sort()
        stamps += [(name, stamp(f"{folder}/{name}")) for name in sorted(files)]
        if len(stamps) > _MOST:
            break
    return tuple(stamps)


def of_conversation(
    conversation: str, stored: Iterable[Residue], variables: Mapping[str, str]
) -> dict[str, Stamp | None]:
    """The stamps of the files that hold it, of all that is `stored` of it: what else there is, others may write.

    It looks through folders: not for the loop's thread.
    """
    own = [one for one in stored if one.holds == conversation]
    places = [(one.pattern, residue.place_of(one.places, variables)) for one in own]
    paths = [str(path) for pattern, place in places if place for path in place.glob(pattern)]
    return {path: stamp(path) for path in paths}


def stamp(path: str) -> Stamp | None:
    """What changes when the file is written; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  a hot path
    except (OSError, ValueError):
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
