"""A store that is not there, or fails: sessions are lost, runs are not, and what was refused is kept later."""

import dataclasses

import pytest

from clinvk.domain import events
from clinvk.domain.errors import StoreUnavailable
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.domain.session import SessionStatus
from tests.supervisor.kept import fill, mend, taken


async def test_without_a_store_prompts_run_on_their_own_and_say_so(stage):
    run = await taken(stage)
    assert (run.handle.run.spec.session_id, run.handle.run.spec.ephemeral) == (None, True)
    (notice,) = run.said(events.Notice)
    assert notice.message.startswith("This run has no session. The session store is not available")
    with pytest.raises(StoreUnavailable):
        await taken(stage, session_id="ses_1")
    assert stage.supervisor.store_status.failure


async def test_a_store_that_fails_costs_the_session_and_not_the_run(new_stage, keep):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    session = (await taken(stage)).handle.run.spec.session_id
    await fill(keeping)
    for _ in range(2):
        run = await taken(stage)
        assert (run.handle.run.state, run.handle.run.spec.session_id) == (RunState.COMPLETED, None)
        assert run.said(events.Notice)[0].message.startswith("This run has no session.")
    assert stage.supervisor.store_status.failure
    assert next(view.id for view in (await stage.supervisor.history.page(RunQuery())).runs) == run.handle.id
    with pytest.raises(StoreUnavailable):
        await taken(stage, session_id=session)


async def test_a_store_that_fails_at_the_end_of_a_turn_is_complained_of_and_frees_the_session(
    new_stage, keep, caplog
):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    run = await stage.demo("/hang", ephemeral=False)
    await run.first(events.SessionBound)
    await fill(keeping)
    run.handle.stop(Stop(StopCause.CLIENT))
    assert (await run.end()).state is RunState.CANCELLED
    assert any("is not kept yet" in record.getMessage() for record in caplog.records)
    assert not stage.supervisor.sessions._busy
    session, history = run.handle.run.spec.session_id, stage.supervisor.history
    with pytest.raises(StoreUnavailable):
        await history.settle()
    await mend(keeping)
    assert history.lacks
    await history.settle()
    assert (history.lacks, stage.supervisor.store_status.failure) == (False, None)
    stored = await keeping.store.session(session)
    assert (stored.status, stored.turn_count) == (SessionStatus.ERROR, 1)
    (listed,) = (await history.page(RunQuery(state=RunState.CANCELLED))).runs
    assert listed.id == run.handle.id


async def test_what_is_owed_is_kept_before_the_next_turn_and_at_the_latest_when_the_server_ends(new_stage, keep):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    turns = []
    for _ in range(2):
        more = {"session_id": turns[0].handle.run.spec.session_id} if turns else {}
        turns.append(await stage.demo("/hang", ephemeral=False, **more))
        await turns[-1].first(events.SessionBound)
        await fill(keeping)
        turns[-1].handle.stop(Stop(StopCause.CLIENT))
        await turns[-1].end()
        await mend(keeping)
    assert stage.supervisor.history.owes
    await stage.all_gone()
    stored = await keeping.store.session(turns[0].handle.run.spec.session_id)
    assert (stored.turn_count, stored.status) == (2, SessionStatus.ERROR)
    assert (await keeping.store.runs(RunQuery(state=RunState.CANCELLED))).total == 2


async def test_a_deletion_that_is_refused_deletes_nothing(new_stage, keep, tmp_path):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    session = (await taken(stage)).handle.run.spec.session_id
    await fill(keeping)
    with pytest.raises(StoreUnavailable):
        await stage.supervisor.keeper.delete(session)
    await mend(keeping)
    again = await taken(stage, session_id=session)
    assert again.handle.run.continuation == "resumed"
    assert await stage.supervisor.keeper.delete(session) == ()
    assert list((tmp_path / ".clinvk-demo").iterdir()) == []


async def test_rows_that_cannot_be_read_keep_no_server_from_starting(new_stage, keep, caplog):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    run = await stage.demo("/hang", ephemeral=False)
    await run.first(events.SessionBound)
    good = await keeping.store.run(run.handle.id)
    for name, view in (("run_a", b"{}"), ("run_b", b"no json")):
        await keeping.store.begin_run(dataclasses.replace(good, id=name, view=view, session_id=None))
    lost = dataclasses.replace(good, id="run_c", session_id="ses_gone")
    await keeping.store.begin_run(lost)
    await stage.supervisor.history.bury()
    said = [record.getMessage() for record in caplog.records if "could not be given an end" in record.getMessage()]
    assert {line.split()[0] for line in said} == {"run_a", "run_b"}
    assert (await keeping.store.run("run_c")).state is RunState.FAILED


async def test_a_store_that_cannot_be_written_keeps_no_server_from_starting(new_stage, keep, caplog):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    run = await stage.demo("/hang", ephemeral=False)
    await run.first(events.SessionBound)
    await fill(keeping)
    await stage.supervisor.open()
    assert any("could not be given an end" in record.getMessage() for record in caplog.records)
    await mend(keeping)


async def test_without_a_store_nothing_is_left_of_what_runs_said(stage, tmp_path):
    run = await taken(stage)
    assert run.handle.log.length
    await stage.all_gone()
    await stage.supervisor._spool.close()
    assert list((tmp_path / "home" / "runs").iterdir()) == []
