"""Tasks with a name and an owner: none is lost to the collector, none dies unheard."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger("clinvk.tasks")


async def first_of(*futures: asyncio.Future[Any], timeout: float | None = None) -> bool:  # noqa: ASYNC109
    """Wait until one of `futures` is done; False if `timeout` seconds pass before that. Cancels none."""
    for future in futures:
        if future.done():
            return True
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake(_: object) -> None:
        if not woken.done():
            woken.set_result(None)

    for future in futures:
        future.add_done_callback(wake)
    timer = None if timeout is None else loop.call_later(timeout, wake, None)
    try:
        await woken
    finally:
        if timer:
            timer.cancel()
        for future in futures:
            future.remove_done_callback(wake)
    return any(future.done() for future in futures)


class Tasks:
    """Keeps what it spawned until it is done, and logs what crashed."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `work` beside everything else. Right under lazy and eager task factories."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def join(self) -> None:
        """Wait until every task has ended, those spawned meanwhile included."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        """Cancel every task and wait: only for work that owns nothing."""
        for task in self._tasks:
            task.cancel()
        await self.join()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("task %r crashed", task.get_name(), exc_info=error)
