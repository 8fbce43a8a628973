"""The thread that writes the spool, and what it does to files without fear of what the disk may say."""

import asyncio
import contextlib
import logging
import math
import queue
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path

_log = logging.getLogger("clinvk.spool")

Job = Callable[[OSError | None], None]
"""Called with None in the thread; or with the reason, by anybody, if the thread has ended and will not do it."""


class Writer:
    """The thread, which does jobs in the order in which they were submitted. No job can end it."""

    def __init__(self) -> None:
        self.opened: set[FileIO] = set()  # the thread's own
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._gone: OSError | None = None
        self._ending = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="clinvk spool", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Have it done. What was submitted is called once, whatever becomes of the thread."""
        with self._ending:
            if self._gone is None:
                self._jobs.put(job)
                return
        _do(job, self._gone)

    async def close(self) -> None:
        """Do what was submitted, then end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                _do(job, None)
        finally:
            with self._ending:
                self._gone = OSError("the thread that writes has ended")
            self._give_up(self._gone)

    def _give_up(self, reason: OSError) -> None:
        """Nobody shall wait for what will not be done."""
        while not self._jobs.empty():
            if (job := self._jobs.get()) is not None:
                _do(job, reason)
        for file in list(self.opened):
            close(file)


def _do(job: Job, gone: OSError | None) -> None:
    """Call it; what it raises is logged."""
    try:
        job(gone)
    except OSError as error:
        _log.error("the disk refused the spool something: %s", error)
    except Exception:  # noqa: BLE001  whatever it is, other runs have nothing to do with it
        _log.exception("the spool could not do something")


def tell(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Have `function` called on the loop, from any thread."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
        loop.call_soon_threadsafe(function)


def close(file: FileIO) -> None:
    """Give the descriptor back; it is given back even if the disk has something to say."""
    try:
        file.close()
    except OSError as error:
        _log.error("a file of the spool was not closed well: %s", error)


def unlink(path: Path, before: float = math.inf) -> None:
    """Delete the file if it is there and was last written before `before`. What the disk refuses is logged."""
    try:
        if path.lstat().st_mtime < before:
            path.unlink()
    except FileNotFoundError:
        pass  # it is gone
    except OSError as error:
        _log.error("%s could not be deleted: %s", path, error.strerror or error)
