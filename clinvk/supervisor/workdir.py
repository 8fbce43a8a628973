"""The folder a run works in."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from clinvk.domain.errors import ClinvkError, Fault

_OPEN: Final = "/proc/self/fd/"


class Replaced(ClinvkError):
    """What is at the path now is not the folder that the run was taken for."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where runs may work: in `allowed` folders and below, or anywhere if there are none; never in `blocked` ones.

    As configured: links in them are followed when they are looked at.
    """

    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()

    def fault(self, path: str) -> str | None:
        """Why nobody may work in `path`, a real one: it names the setting. None where that is allowed."""
        if is_within(path, self.blocked) or _is_one_of(path, self.blocked):
            return "server.blocked_workdir_prefixes has it, or a folder above it"
        if self.allowed and not is_within(path, self.allowed):
            return "it is in no folder of server.allowed_workdir_prefixes"
        return None


ANYWHERE: Final = Bounds()


def real(path: str) -> str:
    """`path` with its links followed: CLIs compare paths, and trust folders by name."""
    return _resolved(path) or _walked(path)


def _resolved(path: str) -> str | None:
    """The same by the kernel, which looks once; None where there is nothing, or it does not tell."""
    if sys.platform != "linux" or not path.startswith("/"):
        return None
    try:
        there = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        found = os.readlink(f"{_OPEN}{there}")  # noqa: PTH115  a string is what runs take
    except OSError:  # there is no /proc
        return None
    finally:
        os.close(there)
    # Of what has no path any more, or none that can be seen from here, it tells that too.
    return found if found.startswith("/") and not found.endswith(" (deleted)") else None


def _walked(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # no path can be that: `faults` says so
        return path


def is_there(path: str) -> bool:
    """Whether it is a folder. One whose name is too long, or cannot be, is not."""
    return os.path.isdir(path)  # noqa: PTH112  a string is what runs take


def is_within(path: str, folders: Iterable[str]) -> bool:
    """Whether `path`, a real one, is one of `folders` or below one. Links in these are followed.

    Names are compared as they are: what some file systems take for the same name is another one here.
    """
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in map(real, folders))


def faults(path: str) -> list[Fault]:
    """What is wrong with `path`, a real one, as a workdir."""
    if any("\ud800" <= letter <= "\udfff" for letter in path):  # what stands for a byte that is no text
        return [Fault("/workdir", "it has a name that is not UTF-8", "a folder whose path is text, all of it")]
    return [] if is_there(path) else [Fault("/workdir", f"'{path}' is not there", "a directory that exists")]


@contextmanager
def held(path: str) -> Iterator[str]:
    """A name by which a child is started in `path`, a real one, and nowhere else, whatever is put in its place.

    Raises Replaced where the folder of that real path is another one by now, and OSError where there is none.
    """
    if sys.platform != "linux":  # nothing leads to a folder but its path: a moment is left open
        if real(path) != path:
            raise _replaced(path)
        yield path
        return
    # Links are followed on purpose: where they led is in the name of what was opened.
    folder = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        name = f"{_OPEN}{folder}"
        if os.readlink(name) != path:  # noqa: PTH115  a string is what runs take
            raise _replaced(path)
        yield name
    finally:
        os.close(folder)


def is_held(name: object) -> bool:
    """Whether `name` is one that `held` gave: nobody knows what it means."""
    return isinstance(name, str) and name.startswith(_OPEN)


def _replaced(path: str) -> Replaced:
    return Replaced(
        f"the working directory '{path}' is not the folder any more that it was when the run was taken"
    )


def _is_one_of(path: str, folders: Iterable[str]) -> bool:
    """Whether `path` or one above it is one of `folders` by whatever name: in other letters, or mounted twice."""
    identities = {_identity(folder) for folder in folders} - {None}
    above = {_identity(str(folder)) for folder in (path, *PurePosixPath(path).parents)} if identities else set()
    return not identities.isdisjoint(above)


def _identity(path: str) -> tuple[int, int] | None:
    with suppress(OSError, ValueError):
        found = os.stat(path)  # noqa: PTH116
        return found.st_dev, found.st_ino
    return None
