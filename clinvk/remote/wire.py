"""Events as they come over HTTP: bytes in, entries out. No input or output here."""

from typing import Final, Protocol

import msgspec

from clinvk.backends.lines import LineBuffer
from clinvk.domain.events import Entry

LINE_CEILING: Final = 128 << 20
"""Bytes of one event: what a CLI said in the longest line that we take from one, however JSON writes it."""

NOT_OURS: Final = (msgspec.DecodeError, UnicodeDecodeError)
"""What msgspec raises of JSON that is none, or no text."""


class _Head(msgspec.Struct):
    type: str
    seq: int = 0


_HEAD: Final = msgspec.json.Decoder(_Head)


class Form(Protocol):
    """One way to write events."""

    def feed(self, data: bytes) -> list[Entry]:
        """The entries that `data` completes. Raises LineTooLong, or one of NOT_OURS."""
        ...


class Ndjson:
    """A run's events, a line each: their numbers are the run's own."""

    def __init__(self) -> None:
        self._lines = LineBuffer(LINE_CEILING)

    def feed(self, data: bytes) -> list[Entry]:
        return [_entry(line) for line in self._lines.feed(data) if line]


class Sse:
    """Server-sent events: their numbers are the stream's, whatever the lines say."""

    def __init__(self) -> None:
        self._lines = LineBuffer(LINE_CEILING)
        self._id = -1

    def feed(self, data: bytes) -> list[Entry]:
        entries: list[Entry] = []
        for line in self._lines.feed(data):
            name, _, value = line.partition(b": ")
            if name == b"id":
                self._id = msgspec.json.decode(value, type=int)
            elif name == b"data":
                entries.append(_entry(value)._replace(seq=self._id))
        return entries


def _entry(line: bytes) -> Entry:
    head = _HEAD.decode(line)
    return Entry(head.seq, head.type, line + b"\n")
