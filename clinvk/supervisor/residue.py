"""What a CLI keeps of a conversation that is to be forgotten: found, made sure of, deleted."""

import fnmatch
import logging
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from clinvk.backends.base import Place, Residue

_log = logging.getLogger("clinvk.residue")

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Removed(NamedTuple):
    """How many files are gone, and a sentence for each thing that is left although it should be gone too."""

    files: int = 0
    left: tuple[str, ...] = ()


def remove(residues: Iterable[Residue], variables: Mapping[str, str]) -> Removed:
    """Delete what `residues` name, where a child with the environment `variables` has it.

    No link is followed, but for one that stands for a CLI's whole folder. Not for the loop's thread.
    """
    sweep = _Sweep()
    for residue in residues:
        sweep.look(residue, variables)
    for sentence in sweep.left:
        _log.warning("%s", sentence)
    return Removed(sweep.files, tuple(sweep.left))


class _Sweep:
    """One look through what a CLI keeps."""

    def __init__(self) -> None:
        self.files = 0
        self.left: list[str] = []

    def look(self, residue: Residue, variables: Mapping[str, str]) -> None:
        place = place_of(residue.places, variables)
        if place is None:
            return
        steps = tuple(residue.pattern.rstrip("/").split("/"))
        with self._telling(place):
            if not place.is_absolute():
                raise OSError("it is no absolute path, so that nobody knows what it means")
            with _opened(os.open(place, _FOLDER)) as folder:
                self._descend(folder, place, steps, residue)

    def _descend(self, folder: int, at: Path, steps: tuple[str, ...], residue: Residue) -> None:
        """Act on whatever matches `steps` below the open `folder`, which is `at`."""
        step, *rest = steps
        for name in _names(folder, step):
            with self._telling(at / name):
                if not rest:
                    self._delete(folder, name, residue)
                elif _is_link(folder, name):
                    if any((at / name).glob("/".join(rest))):
                        raise OSError("there is something behind this link")
                elif _is_folder(folder, name):
                    with _opened(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)) as inner:
                        self._descend(inner, at / name, tuple(rest), residue)

    def _delete(self, folder: int, name: str, residue: Residue) -> None:
        kind = stat.S_IFMT(os.lstat(name, dir_fd=folder).st_mode)
        if kind == stat.S_IFLNK:
            raise OSError("it is a link")
        if residue.pattern.endswith("/"):
            if kind == stat.S_IFDIR:
                self._delete_folder(folder, name)
        elif kind == stat.S_IFREG and _speaks_of(folder, name, residue.holds.encode()):
            os.unlink(name, dir_fd=folder)
            self.files += 1

    def _delete_folder(self, folder: int, name: str) -> None:
        for _, folders, files, inner in os.fwalk(name, topdown=False, onerror=_raise, dir_fd=folder):
            for file in files:
                os.unlink(file, dir_fd=inner)
                self.files += 1
            for one in folders:
                if _is_link(inner, one):
                    os.unlink(one, dir_fd=inner)
                else:
                    os.rmdir(one, dir_fd=inner)
        os.rmdir(name, dir_fd=folder)

    @contextmanager
    def _telling(self, path: Path) -> Iterator[None]:
        """Go on after what cannot be done, and remember it. What is not there need not be deleted."""
        try:
            yield
        except FileNotFoundError:
            pass
        except OSError as error:
            self.left.append(f"{path} was not deleted: {error.strerror or error}")


def place_of(places: tuple[Place, ...], variables: Mapping[str, str]) -> Path | None:
    """The first of them whose variable is set."""
    for variable, folder in places:
        if variables.get(variable):
            return Path(variables[variable], folder)
    return None


def _names(folder: int, step: str) -> list[str]:
    """What of the open `folder` matches a step of a pattern; a step that is a name is not looked for."""
    return fnmatch.filter(os.listdir(folder), step) if any(sign in step for sign in "*?[") else [step]


def _is_link(folder: int, name: str) -> bool:
    return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)


def _is_folder(folder: int, name: str) -> bool:
    return stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode)


def _speaks_of(folder: int, name: str, holds: bytes) -> bool:
    if not holds:
        return True
    with os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as file:
        return any(holds in line for line in file)


@contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _raise(error: OSError) -> None:
    raise error
