"""clinvk, with a clock in its loop: `timed_serve.py REPORT serve …` writes how long the loop was held, and when.

REPORT is JSON: for each tenth of a second of the monotonic clock the longest single hold in it, in seconds.
"""

import asyncio
import atexit
import json
import os
import sys
import time
from pathlib import Path

from clinvk.__main__ import main

_holds: dict[int, float] = {}
_run = asyncio.events.Handle._run  # noqa: SLF001  there is no other place to put a clock
_guardian = os.getpid()


def _timed(handle: asyncio.Handle) -> None:
    began = time.monotonic()
    _run(handle)
    held = time.monotonic() - began
    window = int(began * 10)
    if held > _holds.get(window, 0.0):
        _holds[window] = held


def _report(path: str) -> None:
    if os.getpid() != _guardian:
        Path(path).write_text(json.dumps(_holds))


setattr(asyncio.events.Handle, "_run", _timed)  # noqa: B010  a type checker sees only that it is private
atexit.register(_report, sys.argv.pop(1))
sys.exit(main())
