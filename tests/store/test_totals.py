"""Totals are kept, not counted: they must be right after anything that was ever done."""

import random
from dataclasses import replace

import pytest

from clinvk.domain.errors import SessionNotFound
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import RunState
from clinvk.domain.session import SessionStatus
from tests.store.records import BACKENDS, RECOUNTS, a_run, a_session, add_session, check_totals, on_thread


class Walk:
    """Whatever can be done to a store, in any order; few ids, so that they meet."""

    def __init__(self, store, seed):
        self.store = store
        self.chance = random.Random(seed)
        self.turns = 0

    def session(self):
        id_ = f"ses_{self.chance.randrange(12)}"
        status = self.chance.choice(list(SessionStatus))
        backend = self.chance.choice(BACKENDS)
        return a_session(id_, backend=backend, status=status, last_used=float(self.chance.randrange(100)))

    def run(self):
        state = self.chance.choice(list(RunState))
        session_id = self.chance.choice([None, *(f"ses_{n}" for n in range(12))])
        run = a_run(f"run_{self.chance.randrange(30)}", state, created_at=float(self.chance.randrange(100)))
        backend, size = self.chance.choice(BACKENDS), self.chance.randrange(1000)
        return replace(run, backend=backend, session_id=session_id, log_bytes=size)

    async def step(self):
        """Anything; more often what makes something."""
        store, session, run = self.store, self.session(), self.run()
        await self.chance.choice(
            (
                lambda: self.put(session),
                lambda: self.put(session),
                lambda: self.unless_gone(store.remove_session(session.id)),
                lambda: self.unless_gone(store.mark_for_deletion(session.id)),
                store.probe,
                lambda: store.end_run(run),
                lambda: store.end_run(run),
                lambda: store.end_run(run, session),
                lambda: store.remove_oldest_runs(self.chance.randrange(1500)),
                lambda: store.expire(float(self.chance.randrange(60)), limit=3),
            )
        )()

    async def put(self, session):
        """A turn that begins: of a session that is there, or of a new one."""
        self.turns += 1
        run = a_run(f"run_turn{self.turns}", RunState.RUNNING, backend=session.backend, session_id=session.id)
        if not await self.unless_gone(self.store.begin_run(run, session)):
            await self.unless_gone(self.store.remove_session(session.id))  # it may be marked
            await self.store.begin_run(run, session, is_new=True)

    async def unless_gone(self, work):
        try:
            await work
        except SessionNotFound:
            return False
        return True


@pytest.mark.parametrize("seed", range(6))
async def test_totals_are_what_counting_gives_after_anything(store, seed):
    walk = Walk(store, seed)
    for _ in range(200):
        await walk.step()
        await on_thread(store, check_totals)
    counted = await on_thread(
        store,
        lambda db: db.execute(
            "SELECT (SELECT count(*) FROM sessions), (SELECT ifnull(sum(log_bytes), 0) FROM runs)"
        ).fetchone(),
    )
    assert (store.session_count, store.log_bytes) == counted


async def test_what_is_told_of_the_totals_is_right_when_a_call_returns_and_after_a_restart(home, store):
    await add_session(store, a_session())
    assert store.session_count == 1
    await store.end_run(a_run(session_id="ses_1", log_bytes=70))
    assert store.log_bytes == 70
    await store.remove_session("ses_1")
    assert (store.session_count, store.log_bytes) == (0, 0)


async def test_a_run_that_is_bound_to_its_session_late_is_counted_there_from_then_on(store):
    run = a_run(state=RunState.RUNNING)
    await store.end_run(run)
    assert (await store.runs(RunQuery(session_id="ses_1"))).total == 0
    await store.end_run(replace(run, session_id="ses_1"))
    assert (await store.runs(RunQuery(session_id="ses_1"))).total == 1
    await store.end_run(replace(run, session_id="ses_2"))
    assert (await store.runs(RunQuery(session_id="ses_1"))).total == 0
    await on_thread(store, check_totals)


async def test_a_total_that_came_down_to_nothing_leaves_no_row(store):
    await add_session(store, a_session())
    await store.end_run(a_run(session_id="ses_1"))
    await store.remove_session("ses_1")
    assert (await store.sessions(SessionQuery())).total == 0
    for table in RECOUNTS:
        assert await on_thread(store, lambda db, t=table: db.execute(f"SELECT * FROM {t}").fetchall()) == []
