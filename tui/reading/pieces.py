"""A run's events cut into pieces of bounded size: an event may be as long as the longest line of a CLI. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from clinvk.domain.events import Entry, ReasoningDelta, TextDelta, ToolDone, ToolStarted

PIECE_BYTES: Final = 16 << 10
_SLICE_BYTES: Final = 24 << 10
"""What is folded before others have the loop."""
_SLICE_PIECES: Final = 256
BODY_BYTES: Final = 64 << 10
"""Of what a tool was given, and of what it gave."""
_PART_BITS: Final = 16
_STREAMED: Final = frozenset({TextDelta.type, ReasoningDelta.type})
_TEXT: Final = re.compile(rb'"text": ?"')
_FIELDS: Final = {ToolStarted.type: re.compile(rb'"input": ?"'), ToolDone.type: re.compile(rb'"output": ?"')}
_LOW_SURROGATE: Final = re.compile(rb"\\u[dD][c-fC-F]")
_ESCAPE_BYTES: Final = 6


class Piece(NamedTuple):
    """An event, or a part of its text: JSON as the event itself would be. Keys grow along the log."""

    key: int
    type: str
    line: bytes


def key_of(seq: int, part: int = 0) -> int:
    """The key of a part of the event with this number."""
    return seq << _PART_BITS | part


def seq_of(key: int) -> int:
    """The number of the event that a piece is of."""
    return key >> _PART_BITS


def part_of(key: int) -> int:
    """Which part of its event it is."""
    return key & ((1 << _PART_BITS) - 1)


def cut(entries: Iterable[Entry], since: int) -> Iterator[Piece]:
    """Pieces of `entries`, from the key `since`."""
    for seq, kind, line in entries:
        if len(line) <= PIECE_BYTES:
            if seq << _PART_BITS >= since:
                yield Piece(seq << _PART_BITS, kind, line)
        elif kind in _STREAMED:
            yield from _parts(Entry(seq, kind, line), since)
        elif seq << _PART_BITS >= since:
            yield Piece(seq << _PART_BITS, kind, _shortened(kind, line))


def _parts(entry: Entry, since: int) -> Iterator[Piece]:
    """A long text in parts. Where they begin depends on the event alone."""
    found = _TEXT.search(entry.line)
    head = found.end() if found else len(entry.line)
    prefix = entry.line[:head]
    first = part_of(since) if seq_of(since) == entry.seq else 0 if key_of(entry.seq) >= since else 1 << _PART_BITS
    for part in range(first, 1 << _PART_BITS):
        start, end = (_safe(entry.line, head, head + (part + more) * PIECE_BYTES) for more in (0, 1))
        body = entry.line[start:end]
        close = _closing(body)
        yield Piece(
            key_of(entry.seq, part), entry.type, prefix + (body if close is None else body[:close]) + b'"}'
        )
        if close is not None or end >= len(entry.line):
            return


def _shortened(kind: str, line: bytes) -> bytes:
    """The event with the beginning of its long text; `cut` says how many bytes are not in it."""
    name = _FIELDS.get(kind)
    found = name.search(line) if name and len(line) > BODY_BYTES else None
    if found is None:
        return line
    head = found.end()
    end = _safe(line, head, head + BODY_BYTES)
    if _closing(line[head:end]) is not None:
        return line
    return line[:end] + b'","cut":%d}' % (len(line) - end)


def _safe(line: bytes, head: int, at: int) -> int:
    """The last place at or before `at` where a JSON string that begins at `head` can be cut."""
    if at >= len(line) or at <= head:
        return min(max(at, head), len(line))
    place = _before_escape(line, head, at)
    return place - _ESCAPE_BYTES if _LOW_SURROGATE.match(line, place) and place - _ESCAPE_BYTES > head else place


def _before_escape(line: bytes, head: int, at: int) -> int:
    """The same, but for two escapes that are one character together."""
    while at > head and line[at] & 0xC0 == 0x80:
        at -= 1
    for back in range(1, _ESCAPE_BYTES):
        place = at - back
        if place >= head and line[place] == 0x5C and _opens(line, head, place):
            # A backslash and one character, or `\\u` and four.
            return place if back == 1 or line[place + 1] == 0x75 else at
    return at


def _opens(line: bytes, head: int, place: int) -> bool:
    """Whether the backslash at `place` begins an escape, and does not end one."""
    run = place
    while run > head and line[run - 1] == 0x5C:
        run -= 1
    return (place - run) % 2 == 0


_CLOSED: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def _closing(body: bytes) -> int | None:
    """Where the string ends whose inside `body` begins with, if it does there."""
    found = _CLOSED.match(body)
    return found.end() - 1 if found else None


def slices(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """`pieces` in groups that take a millisecond or two each."""
    group: list[Piece] = []
    size = 0
    for piece in pieces:
        group.append(piece)
        size += len(piece.line)
        if size >= _SLICE_BYTES or len(group) >= _SLICE_PIECES:
            yield group
            group, size = [], 0
    if group:
        yield group
