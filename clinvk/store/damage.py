"""Files of the store that are no more what they were, and where they are kept. Everything here blocks."""

import logging
import struct
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from clinvk.domain.errors import StoreUnavailable

_log = logging.getLogger("clinvk.store")

_LOG_HEADER: Final = 32
_BYTE_ORDERS: Final = {0x377F0682: "<", 0x377F0683: ">"}
"""The number that a write-ahead log begins with, and the order of bytes in its checksums."""


class Damaged(StoreUnavailable):
    """Nothing can be read of the file: it is no database, or one no more."""


def check_log(path: Path) -> None:
    """Set the write-ahead log of the file `path` aside if it is none, and say so: SQLite would pass over it in
    silence, and over all that was committed since it was folded last.

    Raises Damaged where the file is empty and the log is not: then it is the file that was lost. OSError.
    """
    log = path.with_name(f"{path.name}-wal")
    try:
        with log.open("rb") as file:
            header = file.read(_LOG_HEADER)
    except FileNotFoundError:
        return
    if not header:
        return
    if not path.stat().st_size:
        raise Damaged(f"{path}: it is empty, and its write-ahead log is not")
    if not _is_header(header):
        aside = Path(f"{_free_name(path)}-wal")
        log.rename(aside)
        _log.error("%s is no write-ahead log: it is kept as %s, and the newest changes may be lost", log, aside)


def set_aside(path: Path) -> Path:
    """Give the file another name, and what belongs to it; none is ever overwritten. Raises OSError."""
    aside = _free_name(path)
    for end in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{end}").rename(f"{aside}{end}")
    return aside


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}-damaged-{number}") for number in count(1))
    return next(name for name in names if not (name.exists() or Path(f"{name}-wal").exists()))


def _is_header(header: bytes) -> bool:
    """Whether it is that of a write-ahead log, by SQLite's own checksum of it."""
    order = _BYTE_ORDERS.get(int.from_bytes(header[:4]))
    if order is None or len(header) < _LOG_HEADER:
        return False
    first = second = 0
    for one, another in struct.iter_unpack(f"{order}II", header[:24]):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + another + first) & 0xFFFFFFFF
    return struct.unpack(">II", header[24:]) == (first, second)
