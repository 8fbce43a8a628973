"""Sites: a folder of its own for each child, which is its TMPDIR and is gone when the child is."""

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_log = logging.getLogger("clinvk.sites")

_PREFIX: Final = f"clinvk-{os.getuid()}-"
_LOCK: Final = "lock"


class Sites:
    """One server's folders, under one of its own that it holds a lock on: that tells who is left behind."""

    def __init__(self, parent: str | None = None) -> None:
        self._root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock: int | None = os.open(self._root / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._next = self._name()

    @property
    def root(self) -> str:
        return str(self._root)

    @property
    def next_folder(self) -> str:
        """Where the next site would be."""
        return self._next

    def make(self) -> str:
        """A new folder, for the child's user alone; its name was never given before. Raises OSError."""
        folder, self._next = self._next, self._name()
        Path(folder).mkdir(mode=0o700)
        return folder

    def _name(self) -> str:
        # Short, as a socket's path below it has about a hundred characters. Random, as CLIs make ids of it.
        return str(self._root / secrets.token_hex(6))

    def close(self) -> None:
        """Remove everything; a second time does nothing."""
        remove(str(self._root))
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def furnish(folder: str, files: Mapping[str, str]) -> None:
    """Write `files` into `folder`, readable for their owner only. Raises OSError."""
    for name, text in files.items():
        path = Path(folder, name)
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")


def remove(folder: str) -> None:
    """Remove a folder and all it holds. It may be large: not for the loop's thread."""
    shutil.rmtree(folder, ignore_errors=True)
    if not Path(folder).exists():
        return
    # A tool may leave folders that it made read-only (module caches do): nothing in them can be unlinked.
    for parent, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            Path(parent).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
    if Path(folder).exists():
        _log.warning("could not remove %s", folder)


def sweep(parent: str | None = None) -> int:
    """Remove what servers that were killed left behind; how many folders that was."""
    swept = 0
    for root in Path(parent or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # in use, or another user's, or going away while we look
            swept += _sweep(root)
    return swept


def _sweep(root: Path) -> bool:
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        return False
    lock = os.open(root / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(str(root))
        return True
    finally:
        os.close(lock)
