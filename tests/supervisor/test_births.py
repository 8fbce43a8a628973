"""A process that has just been forked is still in the session of whoever forked it, for a moment."""

import os
import subprocess

import pytest

from clinvk import processes
from clinvk.supervisor.descendants import Descendants
from tests.supervisor.leftovers import SLEEP


@pytest.fixture
def neighbour():
    """A process in our session."""
    with subprocess.Popen(SLEEP) as running:
        yield running
        running.kill()


async def test_a_child_that_was_seen_before_it_left_our_session_has_nobody_else_of_it(neighbour, started):
    found = Descendants()
    child = started()
    found.enrol("run", child.pid)
    rows = processes.table()
    rows[child.pid] = rows[child.pid]._replace(pgid=os.getpgid(0), sid=os.getsid(0))
    assert [row.pid for row in found.look(rows=rows)["run"]] == [child.pid]
    await found.end("run")
    assert not processes.read(child.pid).alive
    assert neighbour.poll() is None
