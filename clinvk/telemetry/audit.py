"""The audit log: who started, stopped and deleted what, and from where, as lines of JSON. `docs/audit.md` lists
what they hold: never a prompt, an answer or a key.

A thread writes them, so that a slow disk holds nobody up. A line that cannot be written is an error in the
server's own log, and stands there in full.
"""

import asyncio
import errno
import json
import logging
import os
import queue
import stat
import threading
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from clinvk.clock import Clock, rfc3339
from clinvk.domain.errors import ClinvkError

_log = logging.getLogger("clinvk.audit")

_WAITING: Final = 10_000
"""Lines that may wait for the disk."""
_LAST_SECS: Final = 5.0
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class AuditUnavailable(ClinvkError):
    """The audit log cannot be opened, in a sentence."""


class Action(StrEnum):
    """What was done."""

    SERVER_START = "server.start"
    SERVER_STOP = "server.stop"
    SERVER_RELOAD = "server.reload"
    RUN_START = "run.start"
    RUN_STOP = "run.stop"
    RUN_RERUN = "run.rerun"
    GROUP_START = "group.start"
    GROUP_STOP = "group.stop"
    SESSION_DELETE = "session.delete"
    ACCESS_DENIED = "access.denied"


@dataclass(frozen=True, slots=True)
class Who:
    """By whom: `via` an API (`native`, `openai`, `anthropic`), the `console`, or what of the server itself."""

    via: str
    key: str | None = None
    client: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What else there is to say of it; None is left out."""

    run_id: str | None = None
    group_id: str | None = None
    session_id: str | None = None
    backend: str | None = None
    workdir: str | None = None
    approval_mode: str | None = None
    sandbox_mode: str | None = None
    runs: int | None = None
    method: str | None = None
    status: int | None = None
    reason: str | None = None
    version: str | None = None
    pid: int | None = None
    unsaid: int | None = None


NOTHING_MORE: Final = Details()


class Auditor(Protocol):
    """Whoever is told of it."""

    @property
    def lost(self) -> int:
        """How many lines could not be written so far."""
        ...

    def note(self, action: Action, target: str, who: Who, more: Details = NOTHING_MORE) -> None:
        """`who` did `action` to `target`. Never waits, and never raises."""
        ...

    def reopen(self) -> None:
        """Go on in a new file, once what came before is in the old one: that was moved, to be kept elsewhere."""
        ...

    async def close(self) -> None:
        """Write what waits, for a few seconds at most. A second time does nothing."""
        ...


class Nobody:
    """There is no audit log: an `Auditor` that forgets."""

    lost = 0

    def note(self, action: Action, target: str, who: Who, more: Details = NOTHING_MORE) -> None:
        pass

    def reopen(self) -> None:
        pass

    async def close(self) -> None:
        pass


NO_AUDIT: Final = Nobody()


class Audit:
    """The log as the loop sees it: an `Auditor`. Its `_on_thread…` methods are the thread's."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open it, for appending, ours alone to read. Raises AuditUnavailable."""
        self._path = path
        self._clock = clock
        self._file = _opened(path)
        self._torn = _ends_torn(self._file)
        self._lost = 0
        self._counting = threading.Lock()
        self._waiting: queue.Queue[bytes | None] = queue.Queue()
        self._ended = False
        self._thread = threading.Thread(target=self._on_thread, name="clinvk audit", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        return self._lost

    def note(self, action: Action, target: str, who: Who, more: Details = NOTHING_MORE) -> None:
        line = _line(rfc3339(self._clock.wall()), action, target, who, more)
        if self._ended:
            self._lose(line, "the audit log is closed")
        elif self._waiting.qsize() >= _WAITING:
            self._lose(line, f"{_WAITING} lines wait for the disk")
        else:
            self._waiting.put(line)

    def reopen(self) -> None:
        """Where there can be no new file, the old one is kept, and the server's log says so."""
        if not self._ended:
            self._waiting.put(b"")

    async def close(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join, _LAST_SECS)
        while not self._waiting.empty():  # the disk does not answer: what it has not is told at least
            if line := self._waiting.get():
                self._lose(line, f"the disk did not take it within {_LAST_SECS:g} s")

    def _lose(self, line: bytes, why: str) -> None:
        with self._counting:
            self._lost += 1
        _log.error("not in the audit log, since %s: %s", why, line.decode().strip())

    def _on_thread(self) -> None:
        while (line := self._waiting.get()) is not None:
            if line:
                self._on_thread_write(line)
            else:
                self._on_thread_reopen()
        os.close(self._file)

    def _on_thread_write(self, line: bytes) -> None:
        data = b"\n" + line if self._torn else line
        try:
            written = os.write(self._file, data)
        except OSError as error:
            self._lose(line, error.strerror or str(error))
            return
        self._torn = written < len(data)
        if self._torn:
            self._lose(line, "only a part of it could be written")

    def _on_thread_reopen(self) -> None:
        try:
            fresh = _opened(self._path)
        except AuditUnavailable as error:
            _log.error("the audit log goes on in the file that it had: %s", error)
            return
        os.close(self._file)
        self._file, self._torn = fresh, _ends_torn(fresh)


def _line(at: str, action: Action, target: str, who: Who, more: Details) -> bytes:
    told: dict[str, str | int | None] = {"at": at, "action": action, "target": target}
    told |= {each.name: getattr(who, each.name) for each in fields(who)}
    told |= {each.name: getattr(more, each.name) for each in fields(more)}
    # In ASCII: some characters end a line to some readers.
    return json.dumps({name: value for name, value in told.items() if value is not None}).encode() + b"\n"


def _opened(path: Path) -> int:
    """The file, ours alone to read. Raises AuditUnavailable."""
    try:
        file = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise AuditUnavailable(f"The audit log {path} cannot be opened: {why}") from error
    try:
        is_file = stat.S_ISREG(os.fstat(file).st_mode)
        if is_file:
            os.fchmod(file, 0o600)
    except OSError as error:
        os.close(file)
        raise AuditUnavailable(f"The audit log {path} cannot be kept from others: {error.strerror}") from error
    if not is_file:
        os.close(file)
        raise AuditUnavailable(f"The audit log {path} is no file")
    return file


def _ends_torn(file: int) -> bool:
    """Whether its last line has no end: its writer died, or its disk was full."""
    length = os.fstat(file).st_size
    return length > 0 and os.pread(file, 1, length - 1) != b"\n"
