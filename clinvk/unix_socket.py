"""A socket in the file system to listen on, for this user alone."""

import contextlib
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clinvk.domain.errors import ClinvkError

_MODE: Final = 0o600
_BACKLOG: Final = 128


class CannotListen(ClinvkError):
    """There is no listening at that path; the message says why."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket that listens, and its file."""

    socket: socket.socket
    path: Path
    inode: tuple[int, int]

    def remove(self) -> None:
        """Take the file away, if it is still ours. The socket is not closed."""
        with contextlib.suppress(OSError), _alone(self.path):  # the folder may have gone before us
            if _inode(self.path) == self.inode:
                self.path.unlink()


def listen(path: str) -> Bound:
    """Listen there, mode 0600 from the first moment that anybody can connect. Raises CannotListen.

    What a server left that is dead is replaced. One that lives, and any file that is no socket, is not touched.
    """
    try:
        with _alone(Path(path)):
            _clear(path)
            return _bound(path)
    except BlockingIOError as error:
        raise CannotListen(f"cannot listen on {path}: another server is starting in its folder") from error
    except OSError as error:
        raise CannotListen(f"cannot listen on {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While no other server does anything to its socket in that folder. Raises OSError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)


def _clear(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotListen(f"cannot listen on {path}: there is something else, and it is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except BlockingIOError:  # its queue is full: it lives
            pass
    raise CannotListen(f"cannot listen on {path}: another server does")


def _bound(path: str) -> Bound:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.bind(path)
        Path(path).chmod(_MODE)
        made.listen(_BACKLOG)  # not before: until then nobody can connect, whatever the mode
    except OSError:
        made.close()
        raise
    return Bound(made, Path(path), _inode(Path(path)))


def _inode(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
