"""Turns of sessions, and stores that fail when they are told to."""

import sqlite3


async def taken(stage, prompt="hello", **spec):
    """A turn of a session that has ended."""
    run = await stage.demo(prompt, ephemeral=False, **spec)
    await run.end()
    return run


async def fill(keeping):
    """Every write fails from now on, as on a full disk."""
    await keeping.store._read(lambda db: db.execute("PRAGMA query_only = ON"))


async def mend(keeping):
    """There is room again."""
    await keeping.store._read(lambda db: db.execute("PRAGMA query_only = OFF"))


async def take_at_most(keeping, size):
    """Nothing longer than `size` bytes can be kept from now on: SQLite's own limit is what no test can send."""
    await keeping.store._read(lambda db: db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, size))


async def leave_room(keeping, size):
    """There are about `size` bytes left on the disk."""

    def work(db):
        (used,), (page_bytes,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
        db.execute(f"PRAGMA max_page_count = {used + size // page_bytes}")

    await keeping.store._read(work)
