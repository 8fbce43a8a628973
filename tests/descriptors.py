"""A process that is out of file descriptors."""

import contextlib
import gc
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def no_descriptors() -> Iterator[Callable[[], None]]:
    """This process can open nothing more, until the end or a call of what this gives."""
    gc.collect()  # what is garbage already must not give any back meanwhile
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    held: list[int] = []

    def again() -> None:
        while held:
            os.close(held.pop())
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    try:
        with pytest.raises(OSError, match="Too many open files"):
            held.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(most + 1))
        yield again
    finally:
        again()
