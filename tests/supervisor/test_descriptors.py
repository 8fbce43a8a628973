"""Out of file descriptors: nothing can be looked at then, and still a child ends, and so does its run."""

import asyncio
import errno
import os
import resource

import pytest

from clinvk import processes
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor import descendants
from clinvk.supervisor.descendants import Descendants
from tests.conftest import DEADLINE
from tests.descriptors import no_descriptors


@pytest.mark.parametrize("fault", ["deaf", "bound wait"])
async def test_a_run_is_stopped_all_the_same(stage, fault):
    run = await stage.start(fault)
    await run.first(events.TextDelta)
    child = run.handle.runner._lease.child
    with no_descriptors():
        run.handle.stop(Stop(StopCause.CLIENT))
        async with asyncio.timeout(DEADLINE):
            await asyncio.shield(child.ended)
    assert (await run.end()).state is RunState.CANCELLED


async def test_looking_goes_on_when_it_is_over(monkeypatch):
    looked = asyncio.Event()
    table, tries = processes.table, iter(range(100))

    def failing_at_first():
        if next(tries) < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        looked.set()
        return table()

    family = Descendants()
    family.enrol("me", os.getpid())
    monkeypatch.setattr(descendants, "LOOK_SECS", 0.001)
    monkeypatch.setattr(processes, "table", failing_at_first)
    watch = asyncio.get_running_loop().create_task(family.keep_looking())
    async with asyncio.timeout(DEADLINE):
        await looked.wait()
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


async def test_looking_goes_on_where_it_could_not_even_see_whether_there_is_anybody(monkeypatch):
    looked = asyncio.Event()
    tries = iter(range(100))

    def failing_at_first(pid):
        if next(tries) < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        looked.set()
        return []

    monkeypatch.setattr(descendants, "LOOK_SECS", 0.001)
    monkeypatch.setattr(processes, "children", failing_at_first)
    watch = asyncio.get_running_loop().create_task(Descendants().keep_looking())
    async with asyncio.timeout(DEADLINE):
        await looked.wait()
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


async def test_a_run_takes_none_of_the_last_ones(stage, monkeypatch):
    """They are for clients that would cancel others, and for the looks at what is to end."""
    following = os.open(os.devnull, os.O_RDONLY)
    os.close(following)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (following + 10, following + 10))
    judgement = await (await stage.start()).end()
    assert (judgement.state, judgement.error.code) == (RunState.FAILED, ErrorCode.SPAWN_FAILED)
    assert judgement.error.message == "The CLI could not be started: Too many open files"
