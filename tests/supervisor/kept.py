"""Turns of sessions, and stores that fail when they are told to."""


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
