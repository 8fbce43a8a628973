"""The control group of one child (cgroup v2): who is in it is the child's, whatever else he did to be nobody's.

What forks in a group is born in it, with a cleared environment, in a new session and without a parent too. The
kernel ends all of them at a word, those that fork meanwhile not left out.

All but the small looks block: a move waits until each core has passed a point of rest, which takes 10 to 15 ms and
hardly any work, and who makes or removes a group meanwhile waits with it. That is not for the loop's thread.
"""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from errno import EBUSY
from pathlib import Path
from typing import Final

_log = logging.getLogger("clinvk.cgroup")

_ROUNDS: Final = 400
_ROUND_SECS: Final = 0.005


class Cgroup:
    """A group that is named before it is there. Its name is never given again."""

    def __init__(self, folder: str, most: int = 0) -> None:
        """`most` are the bytes of memory that it may hold, 0 for any, where the kernel sees to that."""
        self.folder = folder
        self.name = os.path.basename(folder)  # noqa: PTH119  it is a string all the way
        self.most = most
        self.is_gone = False
        """Whether its end has come: it is not there, and never will be again."""
        self._is_over = False
        self._lock = threading.Lock()

    def take(self, pid: int) -> None:
        """Make the group and move a process into it, which must not be reaped meanwhile: nobody else has its pid.

        What it forked before that is not in the group. Where it cannot be done, it is not.
        """
        with self._lock:
            if self._is_over:
                return
            try:
                os.mkdir(self.folder)  # noqa: PTH102  a hot path
                if self.most:
                    self._bound()
                _write(f"{self.folder}/cgroup.procs", pid)
            except OSError as error:
                _log.debug("process %d has no group: %s", pid, error)

    def bound(self, most: int) -> None:
        """Let it hold that many bytes of memory from now on, where the kernel sees to that."""
        with self._lock:
            self.most = most
            if not self._is_over:
                self._bound()

    @property
    def was_short(self) -> bool:
        """Whether it has wanted more memory than it may hold, for which the kernel kills. A small look."""
        try:
            # What met the bound of another group, above or below, or the machine's own, is not told here.
            with open(f"{self.folder}/memory.events.local", encoding="ascii") as file:  # noqa: PTH123
                return any(line.startswith("oom ") and int(line.split()[1]) for line in file)
        except OSError:  # nobody counts here
            return False

    def end(self) -> None:
        """KILL who is in it, and in groups that were made below it, until nobody is, and remove it.

        Who is dead is in no group, whether or not anybody has taken his exit status. Gives up after two seconds,
        or where the group is not ours to remove; may be called again.
        """
        with self._lock:
            self._is_over = True
            for _ in range(_ROUNDS):
                try:
                    self.is_gone = _is_removed(self.folder)
                    if self.is_gone:
                        return
                    self._kill()
                except OSError as error:
                    _log.debug("group %s is left: %s", self.folder, error)
                    return
                time.sleep(_ROUND_SECS)

    def members(self) -> set[int]:
        """The living processes in it and in groups below it, as far as this namespace has numbers for them."""
        found: set[int] = set()
        for folder in _tree(self.folder):
            with contextlib.suppress(OSError):  # removed meanwhile
                found.update(map(int, Path(folder, "cgroup.procs").read_text("ascii").split()))
        return found - {0}

    def _kill(self) -> None:
        try:
            _write(f"{self.folder}/cgroup.kill", 1)
        except FileNotFoundError:  # a kernel before 5.14
            for pid in self.members():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _bound(self) -> None:
        """Write down how much memory it may hold. Without the controller there are no such files."""
        with contextlib.suppress(OSError):
            _write(f"{self.folder}/memory.max", self.most or "max")
            # A kill of one of several would leave the others to wonder: the kernel then kills them all.
            _write(f"{self.folder}/memory.oom.group", 1 if self.most else 0)
            _write(f"{self.folder}/memory.swap.max", 0 if self.most else "max")  # the last: not every kernel swaps


def path_of(pid: int | str) -> str | None:
    """The group of a process, from the root of the hierarchy on; None where it has none. A small look."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            return next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), None)
    except OSError:
        return None


def _write(path: str, value: object) -> None:
    """Raises OSError. Nothing is made: the kernel makes these files, or they are not there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)


def _is_removed(folder: str) -> bool:
    """Remove a group, and those below it first; False while somebody is in one. Raises OSError."""
    return _is_gone(folder) or all(_is_gone(below) for below in reversed(list(_tree(folder))))


def _is_gone(folder: str) -> bool:
    """Remove a group that nobody and no group is in; False where that is not so. Raises OSError."""
    try:
        os.rmdir(folder)  # noqa: PTH106  a hot path
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != EBUSY:
            raise
        return False
    return True


def _tree(folder: str) -> Iterator[str]:
    """The group and all below it, parents before their children."""
    return (parent for parent, _, _ in os.walk(folder))
