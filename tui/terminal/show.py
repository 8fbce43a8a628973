"""The console on this terminal, from its first frame to the shell's next prompt."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    Whatever is written to standard output and error meanwhile goes to the file `log`. `shown` is called with
    every frame. `stoppable`: whether Ctrl-Z stops this process.
    """
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    driver = partial(TerminalDriver, shown=shown, hung_up=gone.set, stoppable=stoppable)
    console.driver_class = cast("type[Driver]", driver)  # it is only ever called
    factory = loop.get_task_factory()
    # Textual makes every task of this loop an eager one, before its first await.
    loop.call_soon(loop.set_task_factory, factory)
    try:
        with Streams(log) as streams, _often(streams.cut):
            left = await console.run_async()
    finally:
        loop.set_task_factory(factory)
    if console._exception:  # noqa: SLF001  nothing else tells what it was
        raise Crashed from console._exception  # noqa: SLF001
    if gone.is_set():
        raise HungUp
    return left


@contextmanager
def _often(call: Callable[[], None]) -> Iterator[None]:
    """Do `call` every few seconds."""
    loop = asyncio.get_running_loop()

    def again() -> None:
        call()
        timers[0] = loop.call_later(_CUT_SECS, again)

    timers = [loop.call_later(_CUT_SECS, again)]
    try:
        yield
    finally:
        timers[0].cancel()
