"""clinvk, with a clock in its loop: `timed_serve.py REPORT serve …` writes how long the loop was held, and when.

REPORT is JSON: for each tenth of a second of the monotonic clock the longest single hold in it, in seconds: as
time passed, and as this thread computed. What lies between is what the machine did with its cores meanwhile.
"""

import asyncio
import atexit
import json
import os
import sys
import time
from pathlib import Path

from clinvk.__main__ import main

_holds: dict[int, tuple[float, float]] = {}
_run = asyncio.events.Handle._run  # noqa: SLF001  there is no other place to put a clock
_guardian = os.getpid()


def _timed(handle: asyncio.Handle) -> None:
    window, began, worked = int(time.monotonic() * 10), time.perf_counter(), time.thread_time()
    _run(handle)
    worked, held = time.thread_time() - worked, time.perf_counter() - began
    before = _holds.get(window, (0.0, 0.0))
    _holds[window] = max(held, before[0]), max(worked, before[1])


def _report(path: str) -> None:
    if os.getpid() != _guardian:
        Path(path).write_text(json.dumps(_holds))


setattr(asyncio.events.Handle, "_run", _timed)  # noqa: B010  a type checker sees only that it is private
atexit.register(_report, sys.argv.pop(1))
sys.exit(main())
