"""Processes that none of the children can have begun, as far as anybody can tell."""

import asyncio
import os
import subprocess

from clinvk import processes
from clinvk.supervisor import descendants as module
from clinvk.supervisor.descendants import Descendants
from tests.conftest import DEADLINE

_ORPHAN = "sleep 86400 >/dev/null 2>&1 & echo $!"


def orphan():
    """A process whose parent has gone, so that it is ours now."""
    made = subprocess.run(["/bin/sh", "-c", _ORPHAN], stdout=subprocess.PIPE, check=True, env={})
    return int(made.stdout)


async def test_one_that_outlived_whoever_began_it_is_ended(stage, monkeypatch):
    del stage  # it has made us adopt orphans
    monkeypatch.setattr(module, "LOOK_SECS", 0.001)
    looking = asyncio.create_task(Descendants().keep_looking())
    pid = orphan()
    ended = asyncio.get_running_loop().create_future()
    descriptor = os.pidfd_open(pid)
    asyncio.get_running_loop().add_reader(descriptor, ended.set_result, None)
    async with asyncio.timeout(DEADLINE):
        await ended
    asyncio.get_running_loop().remove_reader(descriptor)
    os.close(descriptor)
    looking.cancel()


async def test_who_was_there_before_is_none_of_our_business(stage, monkeypatch):
    del stage
    pid = orphan()
    found = Descendants()
    found.look(rows=processes.table())
    found._end_nobodys()
    row = processes.read(pid)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    assert row.alive
