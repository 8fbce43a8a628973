"""A process that has just been forked is still in the session of whoever forked it, for a moment."""

import os
import subprocess

from clinvk import processes
from clinvk.supervisor.descendants import Descendants
from tests.supervisor.leftovers import SLEEP


async def test_a_child_that_was_seen_before_it_left_our_session_has_nobody_else_of_it(started):
    neighbour = subprocess.Popen(SLEEP)
    found = Descendants()
    child = started()
    found.enrol("run", child.pid)
    rows = processes.table()
    rows[child.pid] = rows[child.pid]._replace(pgid=os.getpgid(0), sid=os.getsid(0))
    assert [row.pid for row in found.look(rows=rows)["run"]] == [child.pid]
    await found.end("run")
    assert not processes.read(child.pid).alive
    assert neighbour.poll() is None
    neighbour.kill()
    neighbour.wait()
