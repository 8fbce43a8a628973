"""What outlives a server, what is let go in time, and what happens when nothing can be kept."""

import asyncio
import dataclasses
import json
import sqlite3

import pytest

from clinvk.domain import events
from clinvk.domain.errors import RunNotFound, SessionNotFound
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import RunState
from clinvk.domain.session import SessionStatus
from clinvk.supervisor.limits import BackendOptions, Limits
from tests.conftest import DEADLINE, Later
from tests.supervisor.kept import taken

DAY = 86400.0


async def test_what_was_live_when_its_server_died_has_failed_and_can_be_replayed(new_stage, keep, tmp_path):
    dying = await keep()
    stage = new_stage(keeping=dying)
    run = await stage.demo("/hang", ephemeral=False)
    bound = await run.first(events.SessionBound)
    session = run.handle.run.spec.session_id
    stored = await dying.store.session(session)
    assert (stored.status, stored.backend_session_id) == (SessionStatus.ACTIVE, bound.backend_session_id)
    record = await dying.store.run(run.handle.id)
    await stage.all_gone()
    await dying.store.end_run(record, stored)  # as it was in the moment of a SIGKILL
    await dying.store.close()
    await dying.spool.close()  # what it still had to write is there before we cut it off
    (tmp_path / "home" / "runs" / f"{run.handle.id}.ndjson").write_bytes(
        b"".join(entry.line for entry in (await run.handle.log.read())[:3]) + b'{"type":"text.del'
    )
    later = new_stage(keeping=await keep())
    await later.supervisor.open()
    seen = await later.supervisor.history.find(run.handle.id)
    assert (seen.state, seen.error.code, seen.pid) == (RunState.FAILED, "interrupted", None)
    shown = await stage.supervisor.history.find(run.handle.id)
    assert (seen.started_at, seen.queued_ms, seen.command) == (shown.started_at, shown.queued_ms, shown.command)
    log = await later.supervisor.history.log(run.handle.id)
    entries = await log.read()
    assert seen.finished_at == json.loads(entries[2].line)["at"]
    assert [entry.seq for entry in entries] == list(range(5))
    assert [entry.type for entry in entries][3:] == ["notice", "run.finished"]
    assert (seen.events, log.closed) == (5, True)
    again = [entry.line for entry in await (await later.supervisor.history.log(run.handle.id)).read()]
    assert again == [entry.line for entry in entries]
    (page,) = (await later.supervisor.sessions.store.sessions(SessionQuery())).items
    assert (page.status, page.turn_count) == (SessionStatus.ERROR, 1)
    resumed = await taken(later, session_id=session)
    assert resumed.handle.run.spec.resume == bound.backend_session_id
    await later.all_gone()


async def test_a_run_of_which_nothing_was_heard_was_last_heard_of_when_it_started(new_stage, keep):
    dying = await keep(store_content=False)
    stage = new_stage(keeping=dying)
    run = await stage.demo("/hang")
    await run.first(events.SessionBound)
    record = await dying.store.run(run.handle.id)
    await stage.all_gone()
    await dying.store.end_run(record)
    await dying.store.close()
    later = new_stage(keeping=await keep(store_content=False))
    await later.supervisor.open()
    seen = await later.supervisor.history.find(run.handle.id)
    shown = await stage.supervisor.history.find(run.handle.id)
    assert (seen.started_at, seen.finished_at) == (shown.started_at, shown.started_at)
    assert abs(seen.duration_ms - seen.queued_ms) <= 1
    await later.all_gone()


async def test_what_was_queued_when_its_server_died_never_started_and_waited_to_its_end(new_stage, keep):
    dying = await keep()
    stage = new_stage(Limits(max_concurrent_runs=1), keeping=dying)
    await stage.demo("/hang")
    run = await stage.demo("/hang")
    record = await dying.store.run(run.handle.id)
    await stage.all_gone()
    await dying.store.end_run(record)
    await dying.store.close()
    later = new_stage(keeping=await keep())
    await later.supervisor.open()
    seen = await later.supervisor.history.find(run.handle.id)
    assert (seen.error.code, seen.started_at, seen.command, seen.start) == ("interrupted", None, None, None)
    assert (seen.queued_ms, seen.queue_position) == (seen.duration_ms, None)
    assert seen.created_at <= seen.finished_at
    await later.all_gone()


async def test_sessions_past_their_retention_go_with_their_runs_and_the_clis_copy(new_stage, keep, tmp_path):
    stage = new_stage(keeping=await keep(retention_days=1))
    old = await taken(stage)
    supervisor = stage.supervisor
    await supervisor.keeper.tidy()
    assert (await supervisor.history.page(RunQuery())).total == 1
    supervisor.keeper._clock = Later(1.1 * DAY)
    busy = await stage.demo("/hang", ephemeral=False)
    await busy.first(events.SessionBound)
    (mine,) = [
        copy for copy in (tmp_path / ".clinvk-demo").iterdir() if old.handle.run.backend_session_id in copy.name
    ]
    await supervisor.keeper.tidy()
    with pytest.raises(SessionNotFound):
        await supervisor.sessions.store.session(old.handle.run.spec.session_id)
    with pytest.raises(RunNotFound):
        await supervisor.history.find(old.handle.id)
    assert not mine.exists()
    assert (await supervisor.sessions.store.session(busy.handle.run.spec.session_id)).status == "active"


async def test_whoever_wakes_the_keeper_does_not_wait_an_hour(new_stage, keep):
    stage = new_stage(keeping=await keep(retention_days=1))
    await stage.supervisor.open()
    await taken(stage)
    stage.supervisor.keeper._clock = Later(1.1 * DAY)
    stage.supervisor.keeper.wake()
    async with asyncio.timeout(DEADLINE):
        while stage.supervisor.store_status.session_count:
            await stage.supervisor.history.page(RunQuery())


async def test_what_an_ended_run_said_goes_when_all_of_it_is_too_much(new_stage, keep, tmp_path):
    stage = new_stage(Limits(history_bytes=10_000), keeping=await keep())
    runs = []
    for _ in range(3):
        runs.append(await stage.start("one-line 3000"))
        await runs[-1].end()
        await stage.supervisor.history.forget_surplus()  # while the run's end has it done already
        kept = [view.id for view in (await stage.supervisor.history.page(RunQuery())).runs]
        assert kept == [runs[-1].handle.id]
    await stage.all_gone()
    await stage.supervisor._spool.close()
    assert [file.stem for file in (tmp_path / "home" / "runs").iterdir()] == kept


async def test_what_is_no_longer_at_hand_is_found_in_the_store(new_stage, keep):
    stage = new_stage(Limits(history_runs=1), keeping=await keep())
    first = await taken(stage)
    said = await first.handle.log.read()
    for _ in range(2):
        await taken(stage)
        await stage.supervisor.history.forget_surplus()
    assert first.handle.id not in stage.supervisor.history
    assert (await stage.supervisor.history.find(first.handle.id)).state is RunState.COMPLETED
    assert [entry.line for entry in await (await stage.supervisor.history.log(first.handle.id)).read()] == [
        entry.line for entry in said
    ]
    assert (await stage.supervisor.history.page(RunQuery())).total == 3


async def test_live_runs_are_told_as_they_are_now_and_not_as_they_were_written_down(kept):
    run = await kept.demo("/hang")
    await run.first(events.SessionBound)
    (view,) = (await kept.supervisor.history.page(RunQuery())).runs
    assert (view.state, view.pid) == (RunState.RUNNING, run.handle.run.pid)
    assert [view.id for view in (await kept.supervisor.history.page(RunQuery(state=RunState.RUNNING))).runs] == [
        run.handle.id
    ]


async def test_what_a_server_had_begun_to_delete_the_next_one_finishes(new_stage, keep, tmp_path):
    first = await keep()
    stage = new_stage(keeping=first)
    run = await taken(stage)
    session = await first.store.mark_for_deletion(run.handle.run.spec.session_id)
    await stage.all_gone()
    await first.store.close()
    later = new_stage(keeping=await keep())
    with pytest.raises(SessionNotFound):
        await later.supervisor.sessions.store.session(session.id)
    await later.supervisor.keeper.tidy()
    assert list((tmp_path / ".clinvk-demo").iterdir()) == []
    with pytest.raises(RunNotFound):
        await later.supervisor.history.find(run.handle.id)
    await later.all_gone()


async def test_how_its_process_ended_is_kept_although_the_run_ended_first(kept, patient):
    run = await taken(kept)
    await kept.supervisor.pool.settled(run.handle.run.backend_session_id)
    await kept.supervisor._tasks.join()
    view = await kept.supervisor.history._archive.find(run.handle.id)
    assert (view.pid, view.exit.code) == (None, 0)


async def test_a_run_that_names_no_model_has_its_sessions_and_then_the_configured_one(new_stage, keep):
    limits = Limits(backends={"demo": BackendOptions(model="configured")})
    stage = new_stage(limits, keeping=await keep())
    first = await taken(stage)
    session = first.handle.run.spec.session_id
    asked = await taken(stage, session_id=session, model="asked")
    third = await taken(stage, session_id=session)
    models = [run.handle.run.spec.model for run in (first, asked, third)]
    assert models == ["configured", "asked", "asked"]
    alone = await stage.demo("hello", ephemeral=True)
    await alone.end()
    assert alone.handle.run.spec.model == "configured"


async def test_a_run_that_finds_no_room_in_the_queue_leaves_no_session(new_stage, keep):
    keeping = await keep()
    stage = new_stage(Limits(max_concurrent_runs=1, max_queued_runs=0), keeping=keeping)
    first = (await taken(stage)).handle.run
    session = first.spec.session_id
    await stage.supervisor.pool.settled(first.backend_session_id)
    await stage.demo("/hang")
    for more in ({}, {"session_id": session}):
        with pytest.raises(Exception, match="queue is full"):
            await taken(stage, **more)
    (only,) = (await keeping.store.sessions(SessionQuery())).items
    assert (only.id, only.turn_count, only.status) == (session, 1, SessionStatus.COMPLETED)
    assert not stage.supervisor.sessions._busy - {session}
    assert session not in stage.supervisor.sessions._busy


async def test_every_field_of_a_run_comes_back_from_the_store(kept):
    run = await taken(kept, metadata={"a": "ü"}, system_prompt="be brief", model="m")
    shown = await kept.supervisor.history.find(run.handle.id)
    record = await kept.supervisor.sessions.store.run(run.handle.id)
    assert json.loads(record.request)["body"]["prompt"] == "hello"
    del kept.supervisor.history._handles[run.handle.id]
    found = await kept.supervisor.history.find(run.handle.id)
    assert dataclasses.replace(found, pid=None, exit=None) == dataclasses.replace(shown, pid=None, exit=None)


async def test_the_file_is_a_plain_sqlite_database(kept, tmp_path):
    await taken(kept)
    with sqlite3.connect(f"file:{tmp_path}/home/clinvk.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    db.close()
