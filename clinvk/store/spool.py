"""The run spool: every run's log on disk, appended by one writer thread, read back in blocks."""

import asyncio
import contextlib
import logging
import os
import queue
import threading
from array import array
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Final

_log = logging.getLogger("clinvk.spool")

_STRIDE: Final = 256  # entries between two marks of the offset index: 8 bytes each
_BATCH_BYTES: Final = 256 << 10
_BATCH_SECS: Final = 0.2  # what the spool may trail its readers by


class Spool:
    """A folder of `<run id>.ndjson` files (0600) and the thread that writes them."""

    def __init__(self, folder: Path) -> None:
        """Make `folder` where it is missing. Raises OSError where it cannot be written."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} is not writable")
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._opened: set[FileIO] = set()  # the thread's own
        self._thread = threading.Thread(target=self._write, name="clinvk spool", daemon=True)
        self._thread.start()

    def open(self, run_id: str) -> "SpoolFile":
        """A new file for a run; it appears with its first batch."""
        return SpoolFile(self.folder / f"{run_id}.ndjson", self._jobs.put, self._opened)

    async def reopen(self, run_id: str) -> "SpoolFile":
        """The file of an earlier server's run, to be read and gone on with. Half a line is no entry."""
        file = self.open(run_id)
        await asyncio.to_thread(file.survey)
        return file

    def discard(self, run_id: str) -> None:
        """Delete a run's file, if there is one."""
        self._jobs.put(lambda: (self.folder / f"{run_id}.ndjson").unlink(missing_ok=True))

    def sweep(self, before: float) -> None:
        """Delete what was last written before `before` (seconds since the epoch): nobody reads it any more."""
        self._jobs.put(lambda: self._sweep(before))

    async def close(self) -> None:
        """Write what is still to be written, then end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _write(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        for file in self._opened:
            file.close()

    def _sweep(self, before: float) -> None:
        for path in self.folder.glob("*.ndjson"):
            with contextlib.suppress(FileNotFoundError):  # another server on this home swept it first
                if path.stat().st_mtime < before:
                    path.unlink()


class SpoolFile:
    """One run's log on disk. Its methods belong to the event loop; its `_on_disk_…` ones to the thread."""

    def __init__(self, path: Path, submit: Callable[[Callable[[], None]], None], opened: set[FileIO]) -> None:
        self._path = path
        self._submit = submit
        self._opened = opened
        self._loop = asyncio.get_running_loop()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._marks = array("Q")
        self._accepted = 0
        self._file: FileIO | None = None
        self.bytes = 0
        self.lag = 0
        """Bytes accepted and not yet on disk."""
        self.last = b""
        """The last entry that a survey found."""
        self.written = 0
        """Entries on disk, which may be read."""
        self.broken: OSError | None = None
        """What the disk said when it refused: from then on nothing more is kept."""
        self.on_written: Callable[[], None] | None = None

    def survey(self) -> None:
        """Learn what the file holds, and cut off what is no whole line. Not for the loop's thread."""
        try:
            with self._path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        self._mark(len(line))
                        self.last = line
        except FileNotFoundError:
            return  # nothing was kept
        except OSError as error:
            self._fail(error)
            return
        self.written = self._accepted
        os.truncate(self._path, self.bytes)

    def append(self, line: bytes) -> None:
        """Keep one entry, `\\n` included; it reaches the disk within a quarter of a second."""
        if self.broken:
            return
        self._mark(len(line))
        self.lag += len(line)
        self._pending.append(line)
        self._pending_bytes += len(line)
        if self._pending_bytes >= _BATCH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(_BATCH_SECS, self.flush)

    def flush(self) -> None:
        """Hand what waits to the thread now."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        batch, count = b"".join(self._pending), len(self._pending)
        self._pending, self._pending_bytes = [], 0
        self._submit(lambda: self._on_disk_append(batch, count))

    def finish(self) -> None:
        """No more entries: flush, and give the file descriptor back."""
        self.flush()
        self._submit(self._on_disk_close)

    def discard(self) -> None:
        """Delete the file."""
        self._submit(self._on_disk_delete)

    async def read(self, since: int, limit: int) -> list[bytes]:
        """Whole entries from number `since`, about `limit` bytes of them and at least one, of those written."""
        count = self.written - since
        if count <= 0:
            return []
        offset, skip = self._marks[since // _STRIDE], since % _STRIDE
        try:
            return await asyncio.to_thread(self._on_disk_read, offset, skip, count, limit)
        except OSError as error:
            self._fail(error)
            return []

    def _mark(self, size: int) -> None:
        if self._accepted % _STRIDE == 0:
            self._marks.append(self.bytes)
        self._accepted += 1
        self.bytes += size

    def _settled(self, size: int, count: int, error: OSError | None) -> None:
        self.lag -= size
        if error:
            self._fail(error)
        self.written += 0 if self.broken else count
        if self.on_written:
            self.on_written()

    def _fail(self, error: OSError) -> None:
        if not self.broken:
            _log.error("the spool fails, a replay of this run will be short: %s", error)
        self.broken = error

    def _on_disk_append(self, batch: bytes, count: int) -> None:
        error = None
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._file = FileIO(os.open(self._path, flags, 0o600), "wb")
                self._opened.add(self._file)
            view = memoryview(batch)
            while view:
                view = view[self._file.write(view) :]
        except OSError as refused:
            error = refused
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._settled, len(batch), count, error)

    def _on_disk_close(self) -> None:
        if self._file:
            self._file.close()
            self._opened.discard(self._file)
            self._file = None

    def _on_disk_delete(self) -> None:
        self._on_disk_close()
        self._path.unlink(missing_ok=True)

    def _on_disk_read(self, offset: int, skip: int, count: int, limit: int) -> list[bytes]:
        lines: list[bytes] = []
        size = 0
        with self._path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if skip:
                    skip -= 1
                    continue
                lines.append(line)
                size += len(line)
                if size >= limit or len(lines) == count:
                    break
        return lines
