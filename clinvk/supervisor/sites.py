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

from clinvk.supervisor.ledger import Ledger, end_children
from clinvk.supervisor.stamps import Stamp, stamp

_log = logging.getLogger("clinvk.sites")

_PREFIX: Final = f"clinvk-{os.getuid()}-"
_CLOSED: Final = -1


class Sites:
    """One server's folders, under one of its own that it holds a lock on: that tells who is left behind."""

    def __init__(self, parent: str | None = None) -> None:
        self._parent = parent
        self._root, self._lock = _begin(parent)
        self._next = self._name()
        self.ledger = Ledger(str(self._root))

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
        try:
            Path(folder).mkdir(mode=0o700)
        except FileNotFoundError:  # somebody tidied the temporary folder, and us away with it
            self._unlock()
            self._root, self._lock = _begin(self._parent)
            self.ledger.move(str(self._root))
            folder, self._next = self._name(), self._name()
            Path(folder).mkdir(mode=0o700)
        return folder

    def close(self) -> None:
        """Remove everything; a second time does nothing."""
        self.ledger.close()
        remove(str(self._root))
        self._unlock()

    def _unlock(self) -> None:
        if self._lock != _CLOSED:
            os.close(self._lock)
            self._lock = _CLOSED

    def _name(self) -> str:
        # Short, as a socket's path below it has about a hundred characters. Random, as CLIs make ids of it.
        return str(self._root / secrets.token_hex(6))


def furnish(folder: str, files: Mapping[str, str]) -> None:
    """Write `files` into `folder`, readable for their owner only. Raises OSError."""
    for name, text in files.items():
        path = Path(folder, name)
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")


def contents(folder: str) -> dict[str, Stamp | None]:
    """Every file and folder in it, at any depth, and when it was written. Raises OSError."""
    found: dict[str, Stamp | None] = {}
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                found[entry.path] = None if entry.is_dir(follow_symlinks=False) else stamp(entry.path)
                waiting += [entry.path] if entry.is_dir(follow_symlinks=False) else []
    return found


def is_removed(folder: str) -> bool:
    """Remove a folder that is empty, as most are in the end; whether it is gone by that."""
    try:
        os.rmdir(folder)  # noqa: PTH106  a hot path
    except OSError:
        return False
    return True


def remove(folder: str) -> None:
    """Remove a folder and all it holds; of a link, the link. It may be large: not for the loop's thread."""
    with contextlib.suppress(OSError):  # it is a folder, then
        Path(folder).unlink()
    shutil.rmtree(folder, ignore_errors=True)
    if not Path(folder).exists():
        return
    # A tool may leave folders that it made read-only (module caches do): nothing in them can be unlinked.
    for parent, folders, _ in os.walk(folder):  # from above: what may not be read is opened before it is entered
        for path in (Path(parent, name) for name in folders):
            if not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
    if Path(folder).exists():
        _log.warning("could not remove %s", folder)


def sweep(parent: str | None = None) -> int:
    """End and remove what servers left behind that were killed with their guardians; how many folders that was."""
    swept = 0
    for root in Path(parent or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # in use, or another user's, or going away while we look
            swept += _sweep(root)
    return swept


def _begin(parent: str | None) -> tuple[Path, int]:
    """A root of our own, and the descriptor that holds the lock on it."""
    while True:
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        with contextlib.suppress(BlockingIOError, FileNotFoundError):  # one that sweeps was quicker: another, then
            lock = _locked(root)
            if root.exists():
                return root, lock
            os.close(lock)


def _sweep(root: Path) -> bool:
    lock = _locked(root)
    try:
        if os.fstat(lock).st_uid != os.getuid():
            return False
        if ended := end_children(str(root)):
            _log.warning("%d processes were left by a server that was killed with its guardian: ended", ended)
        remove(str(root))
        return True
    finally:
        os.close(lock)


def _locked(root: Path) -> int:
    """A descriptor of the folder itself, with the lock on it. Raises OSError if another has it."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
