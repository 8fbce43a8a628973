"""The console before the server, where there is one: it may come, crash and go, and the server stays."""

import asyncio
import gc
import logging
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clinvk.monitor import Monitor
from clinvk.signals import Ending
from clinvk.supervisor.tasks import Tasks, first_of

if TYPE_CHECKING:
    from tui.console import Console, Leave

_log = logging.getLogger("clinvk.console")

_PATIENCE_SECS: Final = 3.0
_GOES_ON: Final = "The server goes on without it; Ctrl+C stops it."


class Front:
    """At most one console, on the terminal that the server was started on."""

    def __init__(self, ending: Ending) -> None:
        self._ending = ending
        self._tasks = Tasks()
        self._console: Console | None = None
        self._work: asyncio.Task[None] | None = None

    async def open(self, monitor: Monitor, log: Path) -> None:
        """Show the console, and return when it stands there; or tell why there is none.

        What is written to standard output and error meanwhile goes to `log`.
        """
        from tui.terminal.fitness import unfit  # noqa: PLC0415  without a console none of it is loaded

        if why := unfit():
            _tell(f"no console: {why}. {_GOES_ON}")
            return
        stands = asyncio.Event()
        self._work = self._tasks.spawn(self._show(monitor, log, stands), name="console")
        first = self._tasks.spawn(stands.wait(), name="the console's first frame")
        await first_of(first, self._work, self._ending.asked)
        gc.collect()
        gc.freeze()  # what is there now stays, and to look at it again would hold the loop

    async def close(self) -> None:
        """Give the terminal back. Whoever left the console has done that already."""
        if self._console:
            self._console.exit()
        if self._work and not await first_of(self._work, timeout=_PATIENCE_SECS):
            _log.warning("the console does not end: it is cut off")
        await self._tasks.cancel()

    async def _show(self, monitor: Monitor, log: Path, stands: asyncio.Event) -> None:
        try:
            left = await self._run(monitor, log, stands)
        except Exception as error:  # noqa: BLE001  whatever becomes of a console, the server goes on
            _log.error("the console crashed", exc_info=error.__cause__ or error)
            _tell(f"the console crashed. {_GOES_ON}")
        else:
            if left:
                self._leave(left)
        finally:
            self._console = None

    async def _run(self, monitor: Monitor, log: Path, stands: asyncio.Event) -> "Leave | None":
        """What is to become of the server, if the console was left by somebody who was asked."""
        from tui.console import Console  # noqa: PLC0415
        from tui.terminal.show import HungUp, show  # noqa: PLC0415

        if self._ending.asked.done():  # since a moment ago
            return None
        self._console = Console(monitor, owns_server=True)
        try:
            return await show(self._console, log, shown=stands.set)
        except HungUp:
            _log.warning("the terminal hung up, and the console with it")
            return None

    def _leave(self, left: "Leave") -> None:
        """Do what the person wanted."""
        match left.value:
            case "headless":
                _tell(f"the console is closed. {_GOES_ON}")
            case "drain":
                _tell("no new runs; the server ends with the last live one. Ctrl+C stops them.")
                self._ending.ask(grace=math.inf)
            case "stop":
                self._ending.ask(grace=0.0)


def _tell(sentence: str) -> None:
    print(f"clinvk: {sentence}", file=sys.stderr, flush=True)  # noqa: T201  to the person at the terminal
