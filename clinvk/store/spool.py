"""The run spool: every run's log on disk, appended by one writer thread, read back in blocks."""

import asyncio
import logging
import os
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from io import FileIO
from pathlib import Path
from typing import Final

from clinvk.store.writer import Writer, close, tell, unlink

_log = logging.getLogger("clinvk.spool")

IsEntry = Callable[[int, bytes], bool]
"""Whether a line, its end included, can be the entry of that number."""

_STRIDE_BYTES: Final = 32 << 10  # what a read skips at most: between two marks of the index, 16 bytes each
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
        self._writer = Writer()

    def open(self, run_id: str) -> "SpoolFile":
        """A new file for a run; it appears with its first batch."""
        return SpoolFile(self._path(run_id), self._writer)

    async def reopen(self, run_id: str, is_entry: IsEntry = lambda _, line: line.endswith(b"\n")) -> "SpoolFile":
        """The file of an earlier server's run, to be read and gone on with: up to where it is no more entries."""
        await self._written(())  # of a run of our own, what is still to be written comes first
        file = self.open(run_id)
        await asyncio.to_thread(file.survey, is_entry)
        return file

    async def delete(self, run_ids: Iterable[str]) -> None:
        """Delete the files of runs, if there are any; they are gone once this returns.

        It is done after what was submitted before. What the disk refuses stays, and the log has it.
        """
        await self._written([self._path(run_id) for run_id in run_ids])

    async def _written(self, unwanted: Iterable[Path]) -> None:
        """Wait until all that was submitted is done, and then these files deleted."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def told() -> None:
            if not done.cancelled():
                done.set_result(None)

        def work(_: OSError | None) -> None:
            try:
                for path in unwanted:
                    unlink(path)
            finally:
                tell(loop, told)

        self._writer.submit(work)
        await done

    def sweep(self, before: float) -> None:
        """Delete what was last written before `before` (seconds since the epoch): nobody reads it any more."""
        self._writer.submit(lambda _: self._sweep(before))

    async def close(self) -> None:
        """Write what is still to be written, then end the thread."""
        await self._writer.close()

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.ndjson"

    def _sweep(self, before: float) -> None:
        for path in self.folder.glob("*.ndjson"):
            unlink(path, before)


class SpoolFile:
    """One run's log on disk. Its methods belong to the event loop; its `_on_disk_…` ones to the thread."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self._path = path
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._marks = array("Q")  # numbers of entries, and where in the file
        self._offsets = array("Q")  # each of them begins
        self._accepted = 0
        self._file: FileIO | None = None
        self._refused: OSError | None = None
        """The thread's own: what the disk said when it refused a part of a line, perhaps."""
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

    def survey(self, is_entry: IsEntry) -> None:
        """Learn what the file holds, and cut it off where it is damaged. Not for the loop's thread."""
        try:
            with self._path.open("rb") as file:
                for line in file:
                    if not is_entry(self._accepted, line):
                        self._tell_damage(line, os.fstat(file.fileno()).st_size)
                        break
                    self._mark(len(line))
                    self.last = line
            os.truncate(self._path, self.bytes)
        except FileNotFoundError:
            return  # nothing was kept
        except OSError as error:
            self._fail(error)
            return
        self.written = self._accepted

    def _tell_damage(self, line: bytes, size: int) -> None:
        """Half a line at the end is what a server leaves that is killed; anything else is worth a word."""
        if line.endswith(b"\n") or self.bytes + len(line) < size:
            lost = size - self.bytes
            _log.error("%s is damaged: %d bytes are dropped, after %d entries", self._path, lost, self._accepted)

    def append(self, line: bytes) -> None:
        """Keep one entry, `\\n` included; it reaches the disk within a quarter of a second."""
        self.extend((line,))

    def extend(self, lines: Sequence[bytes]) -> None:
        """Keep some entries, as `append` does."""
        if self.broken or not lines:
            return
        before = self.bytes
        for line in lines:
            self._mark(len(line))
        self.lag += self.bytes - before
        self._pending += lines
        self._pending_bytes += self.bytes - before
        if self._pending_bytes >= _BATCH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(_BATCH_SECS, self.flush)

    def flush(self) -> None:
        """Hand what waits to the thread now."""
        if batch := self._taken():
            self._writer.submit(lambda gone: self._on_disk_append(batch, gone))

    def finish(self) -> None:
        """No more entries: flush, and give the file descriptor back."""
        batch = self._taken()
        self._writer.submit(lambda gone: self._on_disk_finish(batch, gone))

    def discard(self) -> None:
        """Delete the file."""
        self._writer.submit(self._on_disk_delete)

    async def read(self, since: int, limit: int) -> list[bytes]:
        """Whole entries from number `since`, about `limit` bytes of them and at least one, of those written.

        None of them where they cannot be read now, for want of a descriptor perhaps: they stay on disk.
        """
        count = self.written - since
        if count <= 0:
            return []
        mark = bisect_right(self._marks, since) - 1
        skip = since - self._marks[mark]
        try:
            return await asyncio.to_thread(self._on_disk_read, self._offsets[mark], skip, count, limit)
        except OSError as error:
            _log.error("the spool fails, this replay is short: %s", error)
            return []

    def _mark(self, size: int) -> None:
        # By bytes, not by entries: readers are many, each at a place of its own, and entries may be long.
        if not self._marks or self.bytes - self._offsets[-1] >= _STRIDE_BYTES:
            self._marks.append(self._accepted)
            self._offsets.append(self.bytes)
        self._accepted += 1
        self.bytes += size

    def _settled(self, size: int, count: int, error: OSError | None) -> None:
        self.lag -= size
        if error:
            self._fail(error)
        self.written += 0 if self.broken else count
        if self.on_written:
            self.on_written()

    def _taken(self) -> list[bytes]:
        """What waits, which waits here no more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        batch, self._pending, self._pending_bytes = self._pending, [], 0
        return batch

    def _fail(self, error: OSError) -> None:
        if not self.broken:
            _log.error("the spool fails, a replay of this run will be short: %s", error)
        self.broken = error

    def _on_disk_finish(self, batch: list[bytes], gone: OSError | None) -> None:
        try:
            if batch:
                self._on_disk_append(batch, gone)
        finally:
            self._on_disk_close(gone)

    def _on_disk_append(self, lines: list[bytes], gone: OSError | None) -> None:
        error: OSError | None = gone or self._refused or OSError("the thread that writes failed")
        batch = b"".join(lines)
        try:
            if not gone and not self._refused:  # what came behind half a line would be no line
                self._on_disk_write(batch)
                error = None
        except OSError as refused:
            self._refused = error = refused
        finally:  # whatever it was, the child must not wait for it
            tell(self._loop, lambda: self._settled(len(batch), len(lines), error))

    def _on_disk_write(self, batch: bytes) -> None:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = FileIO(os.open(self._path, flags, 0o600), "wb")
            self._writer.opened.add(self._file)
        view = memoryview(batch)
        while view:
            view = view[self._file.write(view) :]

    def _on_disk_close(self, _: OSError | None) -> None:
        if self._file:
            self._writer.opened.discard(self._file)
            close(self._file)
            self._file = None

    def _on_disk_delete(self, gone: OSError | None) -> None:
        self._on_disk_close(gone)
        unlink(self._path)

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
