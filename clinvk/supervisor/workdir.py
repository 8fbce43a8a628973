"""The folder a run works in."""

import os
from dataclasses import dataclass
from typing import Final

from clinvk.domain.errors import Fault


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where runs may work: in `allowed` folders and below, or anywhere if there are none; never in `blocked` ones.

    As configured: links in them are followed when they are looked at.
    """

    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()


ANYWHERE: Final = Bounds()


def real(path: str) -> str:
    """`path` with its links followed: CLIs compare paths, and trust folders by name."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # no path can be that: `faults` says so
        return path


def is_there(path: str) -> bool:
    """Whether it is a folder. One whose name is too long, or cannot be, is not."""
    return os.path.isdir(path)  # noqa: PTH112  a string is what runs take


def faults(path: str) -> list[Fault]:
    """What is wrong with `path`, a real one, as a workdir."""
    if any("\ud800" <= letter <= "\udfff" for letter in path):  # what stands for a byte that is no text
        return [Fault("/workdir", "it has a name that is not UTF-8", "a folder whose path is text, all of it")]
    return [] if is_there(path) else [Fault("/workdir", f"'{path}' is not there", "a directory that exists")]
