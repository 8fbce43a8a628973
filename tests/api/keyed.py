"""Requests with an idempotency key, sent again."""

import asyncio

from clinvk.api.idempotency import HEADER, REPLAYED
from clinvk.supervisor.tasks import first_of
from tests.api.client import DEADLINE
from tests.api.conftest import QUICK

PROMPT = "/api/v1/prompt"
SSE = "text/event-stream"


def keyed(key="key-1", **headers):
    return {HEADER: key, **headers}


async def asked(server, prompt=QUICK, key="key-1", *, accept=None, **fields):
    """A prompt of the demo backend with a key."""
    return await server.prompt(prompt, headers=keyed(key, **({"Accept": accept} if accept else {})), **fields)


def is_replay(reply):
    return reply.headers.get(REPLAYED) == "true"


def check_same(first, again):
    """The same answer to the byte; who started it is told from who did not."""
    assert (again.status, again.body, again.media_type) == (first.status, first.body, first.media_type)
    for name in ("X-Run-Id", "X-Group-Id"):
        assert again.headers.get(name) == first.headers.get(name)
    assert (is_replay(first), is_replay(again)) == (False, True)


async def total(server):
    """How many runs there are."""
    return (await server.fetch("/api/v1/runs")).json["total"]


def held_clocks(monkeypatch, module):
    """No clock of `module` begins to run before the future that this gives is done."""
    begins = asyncio.get_running_loop().create_future()

    async def patient(*futures, timeout=None):
        if timeout is not None:
            await first_of(*futures, begins)
        return await first_of(*futures, timeout=timeout)

    monkeypatch.setattr(module, "first_of", patient)
    return begins


async def until(holds):
    """Wait until that holds, within the deadline."""
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await asyncio.sleep(0)
