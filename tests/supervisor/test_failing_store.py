"""A store that is not there, or fails: sessions are lost, runs are not, and what was refused is kept later."""

import dataclasses

import pytest

from clinvk.domain import events
from clinvk.domain.errors import StoreUnavailable
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.domain.session import SessionStatus
from tests.supervisor.kept import fill, leave_room, mend, take_at_most, taken


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


def said_of(caplog, run):
    return [record for record in caplog.records if run.handle.id in record.getMessage()]


async def test_a_run_whose_request_is_too_long_to_be_kept_is_kept_without_it(new_stage, keep):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    await take_at_most(keeping, 100_000)
    run = await taken(stage, "x" * 200_000)
    record = await keeping.store.run(run.handle.id)
    assert (record.state, record.request) == (RunState.COMPLETED, None)
    assert (record.session_id, run.said(events.Notice)) == (run.handle.run.spec.session_id, [])
    assert (await keeping.store.session(record.session_id)).status is SessionStatus.COMPLETED
    seen = await stage.supervisor.history.find(run.handle.id)
    assert (seen.state, seen.request_as_curl) == (RunState.COMPLETED, None)
    assert (stage.supervisor.history.lacks, stage.supervisor.store_status.failure) == (False, None)


async def test_a_run_that_is_too_long_to_be_kept_at_all_runs_and_is_not_owed(new_stage, keep, caplog):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    await take_at_most(keeping, 100_000)
    run = await taken(stage, metadata={"long": "x" * 200_000})
    assert run.handle.run.state is RunState.COMPLETED
    (notice,) = run.said(events.Notice)
    assert notice.message.startswith("This run has no session.")
    assert "takes no record of that length" in notice.message
    assert (stage.supervisor.history.lacks, stage.supervisor.store_status.failure) == (False, None)
    assert any(record.getMessage().endswith("was not kept") for record in said_of(caplog, run))


async def test_an_end_that_is_owed_and_turns_out_too_long_is_kept_without_its_request(new_stage, keep):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    await fill(keeping)
    run = await taken(stage, "x" * 200_000)
    await mend(keeping)
    await take_at_most(keeping, 100_000)
    assert stage.supervisor.history.owes
    await stage.supervisor.history.settle()
    assert not stage.supervisor.history.lacks
    record = await keeping.store.run(run.handle.id)
    assert (record.state, record.request) == (RunState.COMPLETED, None)


async def test_an_end_for_which_there_is_no_room_holds_up_no_other(new_stage, keep):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    history = stage.supervisor.history
    await fill(keeping)
    long, short = await taken(stage, "x" * 2_000_000), await taken(stage)
    await mend(keeping)
    await leave_room(keeping, 200_000)
    with pytest.raises(StoreUnavailable, match="full"):
        await history.settle()
    assert (await keeping.store.run(short.handle.id)).state is RunState.COMPLETED
    assert (history.owes, stage.supervisor.store_status.failure) == (True, None)
    await leave_room(keeping, 10_000_000)
    await history.settle()
    assert not history.owes
    assert (await keeping.store.run(long.handle.id)).request


async def test_an_end_that_nothing_can_keep_holds_up_no_other_when_the_server_ends(new_stage, keep, caplog):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    await fill(keeping)
    lost, found = await taken(stage, metadata={"long": "x" * 200_000}), await taken(stage)
    await mend(keeping)
    await take_at_most(keeping, 100_000)
    await stage.all_gone()
    assert (await keeping.store.run(found.handle.id)).state is RunState.COMPLETED
    assert not stage.supervisor.history.owes
    assert said_of(caplog, lost)[-1].getMessage() == f"the end of {lost.handle.id} was not kept"


async def test_a_store_that_still_fails_is_not_asked_for_each_end_that_is_owed(new_stage, keep):
    """Each refusal may take seconds: where somebody else has the file, SQLite waits for him."""
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    await fill(keeping)
    for _ in range(3):
        await taken(stage)
    await mend(keeping)
    await keeping.store.probe()
    await fill(keeping)  # and nobody has noticed yet
    asked = []
    await keeping.store._read(lambda db: db.set_trace_callback(asked.append))
    with pytest.raises(StoreUnavailable):
        await stage.supervisor.history.settle()
    await keeping.store._read(lambda db: db.set_trace_callback(None))
    assert asked.count("BEGIN IMMEDIATE") == 2  # one end, and a probe
    await mend(keeping)
