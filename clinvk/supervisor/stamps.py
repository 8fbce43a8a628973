"""What a child's start reads from disk, told apart by when it was written: settings, logins, programs."""

import os
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from clinvk.backends.base import Place, SettingsFiles

Stamp = tuple[int, int, int, int] | None


def of(
    files: SettingsFiles, programs: Iterable[str], variables: Mapping[str, str], workdir: str
) -> tuple[object, ...]:
    """The stamps of all of them. One that changes, comes or goes makes another tuple.

    The workdir itself is told by what it is, not by what is in it: what a path leads to may be replaced.
    """
    home = _home(files.home, variables)
    own = [f"{home}/{name}" for name in files.own] if home else []
    folders = [workdir, *map(str, PurePath(workdir).parents)] if files.project else []
    project = [f"{folder}/{name}" for folder in folders for name in files.project]
    return (_identity(workdir), *(_stamp(path) for path in (*programs, *own, *project)))


def _home(places: tuple[Place, ...], variables: Mapping[str, str]) -> str | None:
    for variable, folder in places:
        if variables.get(variable):
            return f"{variables[variable]}/{folder}"
    return None


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)  # noqa: PTH116  a hot path
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
