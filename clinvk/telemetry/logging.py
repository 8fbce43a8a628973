"""The log: lines for people on a terminal, JSON lines otherwise. Never a prompt, a key or an answer."""

import json
import logging
import sys
from typing import Any, Final, TextIO

from clinvk.clock import rfc3339

_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


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
        return json.dumps(line, default=str)


class HumanLines(logging.Formatter):
    """`09:30:00 INFO access: request method=GET path=/health`."""

    def format(self, record: logging.LogRecord) -> str:
        moment = self.formatTime(record, "%H:%M:%S")
        fields = "".join(f" {name}={_plain(value)}" for name, value in _fields(record).items())
        line = f"{moment} {record.levelname} {record.name.removeprefix('clinvk.')}: {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error if None). `form` is `human`, `json`, or `auto`: human on a terminal."""
    stream = stream or sys.stderr
    human = form == "human" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanLines() if human else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN and value is not None}


def _plain(value: object) -> str:
    text = str(value)
    # Whatever a client put into a path or header must not look like a second line.
    return text if text.isprintable() and " " not in text else json.dumps(text)
