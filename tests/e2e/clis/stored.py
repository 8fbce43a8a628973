"""What the CLIs keep on the disk, looked at while they live: a file may be gone before it is read."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def named(home: Path, word: str) -> list[Path]:
    """The files and folders there that have it in their names."""
    return [path for path in _all(home) if word in path.name]


def holding(home: Path, word: str, *, databases: bool = False) -> list[Path]:
    """The CLIs' files that have it in them or in their names. A database may have it in no row: see `rows`."""
    paths = (path for path in _all(home) if databases or ".sqlite" not in path.name)
    return [path for path in paths if word in path.name or word.encode() in _content(path)]


def rows(home: Path, *words: str) -> list[Any]:
    """The rows of all databases there that have one of these words."""
    found = []
    for path in _all(home):
        if path.suffix == ".sqlite":
            with contextlib.closing(sqlite3.connect(path)) as database:
                tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                for (table,) in tables:
                    every = database.execute(f'SELECT * FROM "{table}"').fetchall()
                    found += [row for row in every if any(word in str(row) for word in words)]
    return found


def _all(home: Path) -> Iterator[Path]:
    """All that is below it, but for what clinvk itself keeps and a folder that goes meanwhile."""
    for folder, folders, files in os.walk(home):
        folders[:] = [name for name in folders if name != "clinvk"]
        yield from (Path(folder, name) for name in (*folders, *files))


def _content(path: Path) -> bytes:
    """Nothing of what is no file, or none any more."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""
