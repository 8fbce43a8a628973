"""What a CLI keeps of a conversation that was to leave nothing behind: found, made sure of, deleted."""

import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from clinvk.backends.base import Residue

_log = logging.getLogger("clinvk.residue")


def remove(residues: Iterable[Residue], home: str) -> int:
    """Delete the files below `home` that `residues` name; how many those were. Not for the loop's thread."""
    return sum(_remove(path, residue.holds) for residue in residues for path in Path(home).glob(residue.pattern))


def _remove(path: Path, holds: str) -> bool:
    try:
        if not _is_that(path, holds.encode()):
            return False
        path.unlink()
    except FileNotFoundError:
        return False  # the CLI thought better of it
    except OSError as error:
        _log.warning("could not delete %s: %s", path, error)
        return False
    return True


def _is_that(path: Path, holds: bytes) -> bool:
    """Whether it is a file of its own, not a link to another, that speaks of the conversation."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and (not holds or any(holds in line for line in file))
