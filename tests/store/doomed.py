"""A nursery of processes that work on a store until they are killed: one for each line on stdin.

A line is a JSON array: the home, a seed. The process forked for it tells, a JSON array a line, its pid, then what
each worker is about to do (`try`) and that this was acknowledged (`ack`); at last the nursery, how it died.
Forking what has imported everything is what makes hundreds of kills cheap.
"""

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path

from clinvk.domain.run import RunState
from clinvk.domain.session import Session, SessionStatus
from clinvk.store.records import RunRecord
from clinvk.store.store import Store

WORKERS = 3


def tell(*what):
    """At once, and in one piece: what was not told before the end was never acknowledged."""
    os.write(1, json.dumps(what).encode() + b"\n")


def session_of(id_, version):
    """What `version` of a session looks like; some are several pages long."""
    status = SessionStatus.ACTIVE if version % 2 else SessionStatus.COMPLETED
    return Session(
        id_, "demo", "/", 1.0, float(version), title="x" * (version * 37 % 9000), status=status, turn_count=version
    )


def run_of(id_, session_id, version):
    """What `version` of a run looks like: 0 is under way, any other has ended."""
    state = RunState.COMPLETED if version else RunState.RUNNING
    return RunRecord(
        id_, "demo", state, 1.0, b"v" * (version * 13 % 5000), session_id,
        finished_at=2.0 if version else None, request="p" * (version % 300), log_bytes=version,
    )  # fmt: skip


class Workman:
    """One worker's sessions and runs, which are nobody else's: session id → its version and its runs' versions."""

    def __init__(self, store, number, seed):
        self._store = store
        self._number = number
        self._chance = random.Random(seed)
        self._seed = seed
        self._known = {}
        self._marked = {}
        self._made = 0

    async def work(self):
        while True:
            step = self._chance.choice((self._add, self._turn, self._turn, self._turn, self._mark, self._remove))
            await step()

    async def _add(self):
        id_ = self._new("ses")
        self._known[id_] = []
        await self._run("add", id_, is_new=True)

    async def _turn(self):
        if self._known:
            await self._run("begin", self._any(self._known))

    async def _run(self, word, id_, **given):
        """A run of a session, and its end: each changes both in one."""
        run_id, version = self._new("run"), self._chance.randrange(1, 1000)
        begun = self._store.begin_run(run_of(run_id, id_, 0), session_of(id_, version + 1), **given)
        await self._told(word, id_, run_id, version + 1, begun)
        ended = self._store.end_run(run_of(run_id, id_, version), session_of(id_, version))
        await self._told("end", id_, run_id, version, ended)
        self._known[id_].append(run_id)

    async def _mark(self):
        if len(self._known) > 3:
            id_ = self._any(self._known)
            self._marked[id_] = self._known.pop(id_)
            await self._told("mark", id_, self._store.mark_for_deletion(id_))

    async def _remove(self):
        """One that is marked, or if there is none, one that is not."""
        if len(self._known) > 3:
            sessions = self._marked or self._known
            id_ = self._any(sessions)
            runs = sessions.pop(id_)
            removed = await self._told("remove", id_, self._store.remove_session(id_))
            assert sorted(removed) == sorted(runs), (removed, runs)

    async def _told(self, *what):
        *words, work = what
        tell("try", self._number, *words)
        result = await work
        tell("ack", self._number)
        return result

    def _new(self, kind):
        self._made += 1
        return f"{kind}_{self._number}_{self._seed}_{self._made}"

    def _any(self, sessions):
        return self._chance.choice(sorted(sessions))


async def work_until_killed(home, seed):
    store = await Store.open(Path(home))
    # Far more often than a server does, so that many die while the log is folded into the file.
    await store._worker.submit(lambda db: db.execute("PRAGMA wal_autocheckpoint = 20").fetchone(), writes=False)
    async with asyncio.TaskGroup() as group:
        for number in range(WORKERS):
            group.create_task(Workman(store, number, seed * WORKERS + number).work())


def main():
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            tell("pid", os.getpid())
            try:
                asyncio.run(work_until_killed(*json.loads(line)))
            finally:
                os.kill(os.getpid(), signal.SIGABRT)  # it should have been killed: that is told as a wrong end
        tell("dead", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main()
