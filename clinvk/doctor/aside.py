"""Work that may wait for a disk or a socket, done beside everything else, and left behind if it hangs."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What `work` returns or raises. Its thread keeps nobody from ending: that of an executor would."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        if not result.done():
            settled()

    def do() -> None:
        try:
            value = work()
        except Exception as error:  # noqa: BLE001  it is the waiting one's to judge
            _tell(loop, settle, partial(result.set_exception, error))
        else:
            _tell(loop, settle, partial(result.set_result, value))

    threading.Thread(target=do, daemon=True).start()
    return await result


def _tell(
    loop: asyncio.AbstractEventLoop, settle: Callable[[Callable[[], None]], None], settled: Callable[[], None]
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settle, settled)
