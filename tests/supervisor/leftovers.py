"""What servers that are gone have left running, for the tests of their ledger."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from clinvk import processes
from clinvk.supervisor.environment import MARKER
from tests.conftest import DEADLINE

SLEEP = ["/bin/sleep", "86400"]
MINE, OTHERS = f"run_mine_{os.getpid()}", f"run_others_{os.getpid()}"  # not those of a test beside us


def wait_for(path: Path) -> None:
    """Return once something stands in that file, within the deadline."""
    _until(lambda: path.exists() and path.read_text().strip(), path)


def wait_until_marked(pid: int) -> None:
    """Return once that sleeper can be told by its marker: not in the moment in which it becomes one."""
    _until(lambda: processes.marker(pid, MARKER) == MINE and processes.command(pid) == "sleep 86400", pid)


def _until(true: Callable[[], object], about: object) -> None:
    until = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < until, about
        os.sched_yield()
