"""The log: lines for people on a terminal, JSON lines otherwise. Never a prompt, a key or an answer."""

import asyncio
import contextlib
import json
import logging
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator
from itertools import islice
from typing import Any, Final, TextIO

from clinvk.clock import rfc3339
from clinvk.views import LogLine

_KEPT_LINES: Final = 2000
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_OWN_FIRST: Final = len(vars(logging.makeLogRecord({})))
"""So many of them stand before the fields that a record was given."""
_UNREAD: Final = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks")
"""What `logging` finds out for each record, and no line of ours has."""


_JSON: Final = json.JSONEncoder(default=str)


class JsonLines(logging.Formatter):
    """One JSON object a record: time, level, logger, message, then the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # In ASCII: some characters end a line to some readers, and some move a terminal's cursor.
        return _JSON.encode(line)


class HumanLines(logging.Formatter):
    """`09:30:00 INFO access: request method=GET path=/health`."""

    def format(self, record: logging.LogRecord) -> str:
        moment = self.formatTime(record, "%H:%M:%S")
        return f"{moment} {record.levelname} {record.name.removeprefix('clinvk.')}: {self.message(record)}"

    def message(self, record: logging.LogRecord) -> str:
        """What it says, with its fields; below it an exception, if there is one."""
        said = record.getMessage() + "".join(f" {name}={_plain(value)}" for name, value in _fields(record).items())
        return said + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


class LogRing(logging.Handler):
    """The newest lines of the log, and those that come, for who looks at them in this process.

    Whoever logs, in whatever thread, never waits for a reader.
    """

    def __init__(self, kept: int = _KEPT_LINES) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=kept)
        self._length = 0
        self._form = HumanLines()
        self._guard = threading.RLock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def install(self) -> None:
        """Hear all that is logged from now on."""
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = self._form.message(record)
        except Exception:  # noqa: BLE001  a record that cannot be told: logging's own way to say so
            self.handleError(record)
            return
        level, at = _level(record.levelno), rfc3339(record.created)
        with self._guard:
            self._lines.append(LogLine(self._length, at, level, record.name, said))
            self._length += 1
            woken, self._waiting = self._waiting, []
        for loop, more in woken:
            with contextlib.suppress(RuntimeError):  # that loop is closed: nobody is left to be told
                loop.call_soon_threadsafe(_wake, more)

    def read(self, since: int = 0) -> list[LogLine]:
        """Lines from number `since` on, as far as they are still there."""
        with self._guard:
            passed = max(0, since - (self._length - len(self._lines)))
            return list(islice(self._lines, passed, None))

    async def follow(self, since: int = 0) -> AsyncGenerator[list[LogLine], None]:
        """The same, then what comes, as much of it at once as is there. Has no end."""
        while True:
            batch = self.read(since)
            if batch:
                yield batch
                since = batch[-1].seq + 1
            else:
                await self._more(since)

    async def _more(self, since: int) -> None:
        """Wait until there is a line after those that a reader has seen."""
        loop = asyncio.get_running_loop()
        waiting = (loop, loop.create_future())
        with self._guard:
            if self._length > since:
                return
            self._waiting.append(waiting)
        try:
            await waiting[1]
        finally:
            with self._guard, contextlib.suppress(ValueError):  # woken: it does not wait any more
                self._waiting.remove(waiting)


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error if None). `form` is `human`, `json`, or `auto`: human on a terminal."""
    stream = stream or sys.stderr
    human = form == "human" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanLines() if human else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name in _UNREAD:
        setattr(logging, name, False)
    setattr(logging, "_srcfile", None)  # noqa: B010  as its documentation says: nobody reads which line of code it was
    root.setLevel(level.upper())
    logging.getLogger("tornado.general").addFilter(_holds_no_header)


def _holds_no_header(record: logging.LogRecord) -> bool:
    """Tornado tells the header that it cannot read, which may be a key. That it was refused is told by us."""
    return not (isinstance(record.msg, str) and record.msg.startswith("Malformed HTTP message"))


def _level(number: int) -> str:
    """`debug`, `info`, `warning` or `error`: a critical error is one."""
    named = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info"))
    return next((name for least, name in named if number >= least), "debug")


def _wake(more: "asyncio.Future[None]") -> None:
    if not more.done():
        more.set_result(None)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given = islice(vars(record).items(), _OWN_FIRST, None)
    return {name: value for name, value in given if name not in _OWN and value is not None}


def _plain(value: object) -> str:
    text = str(value)
    # Whatever a client put into a path or header must not look like a second line.
    return text if text.isprintable() and " " not in text else json.dumps(text)
