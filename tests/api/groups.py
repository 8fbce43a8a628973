"""Requests of many prompts: what is sent, and what their streams say."""

from tests.api.client import Stream
from tests.api.conftest import QUICK


def demo(prompt=QUICK, **fields):
    """One task or step."""
    return {"backend": "demo", "prompt": prompt, **fields}


async def parallel(server, *tasks, **fields):
    return await server.fetch("/api/v1/parallel", {"tasks": list(tasks), **fields})


async def chain(server, *steps, **fields):
    return await server.fetch("/api/v1/chain", {"steps": list(steps), **fields})


async def streamed(server, path, **fields):
    """Every event of a stream, once it has ended."""
    connection = await server.post({"output_format": "stream-json", **fields}, path=path)
    assert await connection.head() == 200
    return await Stream(connection).rest()


async def runs_of(server, group_id):
    """The runs of a group, the first begun first."""
    page = (await server.fetch(f"/api/v1/runs?group_id={group_id}&limit=200")).json
    return page["runs"][::-1]


def most_at_once(events):
    """How many runs had begun and not ended at one time, by what a stream says."""
    live = most = 0
    for event in events:
        live += {"run.started": 1, "run.finished": -1}.get(event["type"], 0)
        most = max(most, live)
    return most
