"""Requests of many prompts: what is sent, and what their streams say."""

from clinvk.domain.run import Stop, StopCause
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


async def stopped_one_by_one(server, path, runs, at_once, **fields):
    """Every event of a stream of so many runs that hang: one is stopped as often as so many are at work."""
    connection = await server.post({"output_format": "stream-json", **fields}, path=path)
    assert await connection.head() == 200
    for ended in range(runs):
        await server.started(min(ended + at_once, runs))
        going_on = (handle for handle in server.supervisor.history.live() if not handle.run.stop)
        next(going_on).stop(Stop(StopCause.CLIENT))
    return await Stream(connection).rest()


async def runs_of(server, group_id):
    """The runs of a group, the first begun first."""
    page = (await server.fetch(f"/api/v1/runs?group_id={group_id}&limit=200")).json
    return page["runs"][::-1]


def most_at_once(events):
    """How many runs were at work at one time, by what a stream says: from their start to their last word.

    A slot is free once a turn is over; how the run ended is told a moment later, when that is kept.
    """
    said = [event["type"] != "run.finished" and event.get("run_id") for event in events]
    last = {run_id: number for number, run_id in enumerate(said) if run_id}
    working, most = set(), 0
    for number, event in enumerate(events):
        if event["type"] == "run.started":
            working.add(event["run_id"])
        most = max(most, len(working))
        if last.get(event.get("run_id")) == number:
            working.discard(event["run_id"])
    return most
