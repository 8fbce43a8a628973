"""Going on with a conversation, and beginning anew where it is lost. Always a real child."""

import asyncio
from pathlib import Path

import pytest

from clinvk.domain import events
from clinvk.domain.errors import ErrorCode, SessionBusy
from clinvk.domain.run import RunState, Stop, StopCause

LOST = "01a1fbf0-0000-7000-8000-000000000000"


async def test_a_conversation_that_is_lost_fails_the_run(stage):
    run = await stage.start("forgetful", resume=LOST)
    judgement = await run.end()
    assert judgement.error.code is ErrorCode.RESUME_FAILED
    assert judgement.error.message == f"There is no {LOST}"


async def test_with_leave_to_do_so_a_new_one_is_begun_and_that_is_told(stage):
    run = await stage.start("forgetful", resume=LOST, fresh_if_lost=True)
    judgement = await run.end()
    assert (judgement.state, run.text) == (RunState.COMPLETED, "nice to meet you")
    assert [notice.message for notice in run.said(events.Notice)] == [
        f"A new conversation is begun. There is no {LOST}"
    ]
    assert len(run.said(events.TurnDone)) == len(run.said(events.RunStarted)) == 1
    assert run.handle.run.backend_session_id == "a-new-one"


async def test_a_run_that_began_anew_shows_the_child_it_has_now(stage):
    run = await stage.start("forgetful", resume=LOST, fresh_if_lost=True)
    first = await run.first(events.RunStarted)
    await run.end()
    assert run.handle.run.pid != first.pid


async def test_a_stop_while_the_lost_conversations_child_is_put_away_is_heard(stage):
    def stop(event):
        if isinstance(event, events.Notice):
            stage.newest().stop(Stop(StopCause.CLIENT))

    run = await stage.start("forgetful", resume=LOST, fresh_if_lost=True, observe=stop)
    judgement = await run.end()
    assert judgement.state is RunState.CANCELLED
    assert run.text == ""


async def test_a_conversation_takes_one_turn_at_a_time(stage):
    first = await stage.start("bound wait", resume=LOST)
    await first.first(events.SessionBound)
    with pytest.raises(SessionBusy):
        await stage.start("bound done", resume=LOST)
    first.handle.stop(Stop(StopCause.CLIENT))
    await first.end()
    assert (await (await stage.start("bound done", resume=LOST)).end()).state is RunState.COMPLETED


async def test_a_conversation_that_a_run_began_is_taken_too(stage):
    first = await stage.start("bound wait")
    await first.first(events.SessionBound)
    with pytest.raises(SessionBusy):
        await stage.start("bound done", resume="kept")


async def test_the_next_turn_waits_until_the_last_child_of_its_conversation_is_gone(stage):
    first = await stage.start("bound done")
    await first.end()
    assert first.handle.run.exit is None, "the answer does not wait for the child's end"
    second = await stage.start("bound done", resume="kept")
    await second.first(events.RunStarted)
    assert first.handle.run.exit is not None


async def test_a_run_that_waits_for_that_can_be_stopped(stage):
    first = await stage.start("bound done")
    await first.end()

    def stop(event):
        if isinstance(event, events.RunQueued):
            asyncio.get_running_loop().call_soon(lambda: stage.newest().stop(Stop(StopCause.CLIENT)))

    second = await stage.start("bound done", resume="kept", observe=stop)
    assert (await second.end()).state is RunState.CANCELLED


async def test_a_child_has_a_tmpdir_of_its_own_which_is_gone_when_it_is(stage):
    run = await stage.start("bound wait")
    await run.first(events.TextDelta)
    folder = Path(run.text)
    assert folder.is_dir()
    run.handle.stop(Stop(StopCause.CLIENT))
    await run.end()
    assert not folder.exists()
