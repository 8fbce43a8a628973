"""What servers that are gone have left running, for the tests of their ledger."""

import os
import time
from pathlib import Path

from tests.conftest import DEADLINE

SLEEP = ["/bin/sleep", "86400"]
MINE, OTHERS = f"run_mine_{os.getpid()}", f"run_others_{os.getpid()}"  # not those of a test beside us


def wait_for(path: Path) -> None:
    """Return once something stands in that file, within the deadline."""
    until = time.monotonic() + DEADLINE
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < until, path
        os.sched_yield()
