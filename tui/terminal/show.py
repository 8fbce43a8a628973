"""The console on this terminal, from its first frame to the shell's next prompt."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from textual.driver import Driver

from tui.terminal.driver import TerminalDriver
from tui.terminal.streams import Streams

if TYPE_CHECKING:
    from textual.app import App

    from tui.console import Leave

_CUT_SECS: Final = 5.0


class Crashed(Exception):
    """The console ended by a fault of its own, which is the cause. The terminal is as it was."""


class HungUp(Exception):
    """The terminal is gone, and the console with it."""


async def show(
    console: "App[Leave]", log: Path, *, shown: Callable[[], None] = lambda: None, stoppable: bool = False
) -> "Leave | None":
    """Run `console` on the controlling terminal until it is left; what it returned. Raises Crashed and HungUp.

    Whatever is written to standard output and error meanwhile goes to the file `log`. `shown` is called once,
    with the first frame. `stoppable`: whether Ctrl-Z may stop this process.
    """
    loop = asyncio.get_running_loop()
    first = loop.create_future()
    gone = loop.create_future()
    console.driver_class = cast(
        "type[Driver]",  # it is only ever called
        partial(
            TerminalDriver,
            shown=lambda: first.done() or (first.set_result(None), shown()),
            hung_up=lambda: gone.done() or gone.set_result(None),
            stoppable=stoppable,
        ),
    )
    return None
