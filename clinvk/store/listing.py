"""Newest-first lists of a table in pages, by keyset: a page deep in the list costs what the first one does."""

import base64
import sqlite3
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from clinvk.domain.errors import Fault, InvalidInput

Row = tuple[Any, ...]

_TIME: Final = struct.Struct(">d")
_CHECK: Final = struct.Struct(">I")
_HEAD: Final = 1 + _TIME.size  # the list's mark, and a time


class Cursor(NamedTuple):
    """The last row of a page: the next one begins behind it."""

    time: float
    id: str


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a list."""

    limit: int
    offset: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A table in order of `time`, then id, newest first. `columns` must begin with the id and the time.

    `indexes` has an index for each set of columns that may be filtered by. It is named in the statement, because
    a planner without statistics guesses, and a wrong guess sorts the whole table.
    """

    mark: bytes
    table: str
    columns: str
    time: str
    indexes: Mapping[frozenset[str], str]

    def page(self, db: sqlite3.Connection, filters: Mapping[str, str], span: Span) -> tuple[list[Row], str | None]:
        """The rows, and the cursor of the next page. Raises InvalidInput where the cursor is wrong."""
        after = self.check(span.cursor)
        values = [*filters.values(), *(after or ()), span.limit + 1, span.offset]
        rows = db.execute(self.sql(frozenset(filters), tuple(filters), after=after is not None), values).fetchall()
        if len(rows) <= span.limit:
            return rows, None
        last = rows[span.limit - 1]
        return rows[: span.limit], self.cursor(last[1], last[0])

    def sql(self, key: frozenset[str], columns: tuple[str, ...], *, after: bool) -> str:
        """The statement for a page filtered by `columns`; its values: theirs, the cursor's, limit, offset."""
        terms = [f"{column} = ?" for column in columns]
        if after:
            terms.append(f"({self.time}, id) < (?, ?)")
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        return (
            f"SELECT {self.columns} FROM {self.table} INDEXED BY {self.indexes[key]}{where}"  # noqa: S608  the names are ours
            f" ORDER BY {self.time} DESC, id DESC LIMIT ? OFFSET ?"
        )

    def cursor(self, time: float, id_: str) -> str:
        """The place behind that row, as text that fits into a URL."""
        body = self.mark + _TIME.pack(time) + id_.encode()
        return base64.urlsafe_b64encode(body + _CHECK.pack(zlib.crc32(body))).decode().rstrip("=")

    def check(self, text: str | None) -> Cursor | None:
        """The place that `text` is the cursor of. Raises InvalidInput where it was never given for this list."""
        if text is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            found = Cursor(_TIME.unpack(raw[1:_HEAD])[0], raw[_HEAD : -_CHECK.size].decode())
            if self.cursor(*found) == text:  # the mark and the checksum with it
                return found
        except (struct.error, ValueError):
            pass  # it is told below, with everything else that is wrong with it
        raise InvalidInput([Fault("?cursor", "is no cursor of this list", "the next_cursor of one of its pages")])
