"""What servers that are gone have left running, for the tests of their ledger."""

import os
import time
from pathlib import Path

from clinvk import processes
from clinvk.supervisor.environment import MARKER
from tests.conftest import DEADLINE

SLEEP = ["/bin/sleep", "86400"]
MINE, OTHERS = f"run_mine_{os.getpid()}", f"run_others_{os.getpid()}"  # not those of a test beside us


def wait_for(path: Path) -> None:
    """Return once something stands in that file, within the deadline."""
    until = time.monotonic() + DEADLINE
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < until, path
        os.sched_yield()


def wait_until_marked(pid: int) -> None:
    """Return once that sleeper can be told by its marker: not in the moment in which it becomes one."""
    until = time.monotonic() + DEADLINE
    while processes.marker(pid, MARKER) != MINE or processes.command(pid) != "sleep 86400":
        assert time.monotonic() < until, processes.command(pid)
        os.sched_yield()
