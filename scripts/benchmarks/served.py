"""clinvk with another program in the demo child's place: `served.py PROGRAM REPORT serve …`.

PROGRAM is the command, a JSON list; `null` leaves the demo child as it is. REPORT is a file: there each tenth of a
second of the monotonic clock has the longest single hold of the loop in it, in seconds, as time passed and as this
thread computed. What lies between the two is what the machine did with its cores meanwhile. That clock costs: with
`-` for REPORT there is none.
"""

import asyncio
import atexit
import json
import os
import sys
import time
from pathlib import Path

from clinvk.__main__ import main
from clinvk.backends.base import Command, Site
from clinvk.backends.demo.backend import DemoBackend
from clinvk.domain.spec import RunSpec

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


def _instead(program: list[str]) -> None:
    def command(_: DemoBackend, spec: RunSpec, site: Site) -> Command:  # noqa: ARG001  it is found already
        return Command(tuple(program), spec.workdir)

    setattr(DemoBackend, "command", command)  # noqa: B010  a type checker sees only that it is a method


_program, _to = json.loads(sys.argv.pop(1)), sys.argv.pop(1)
if _program is not None:
    _instead(_program)
if _to != "-":
    setattr(asyncio.events.Handle, "_run", _timed)  # noqa: B010  the same
    atexit.register(_report, _to)
sys.exit(main())
