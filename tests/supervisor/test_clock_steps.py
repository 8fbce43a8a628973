"""The machine's clock is set in the middle of a run: its times of day jump, its clocks do not."""

import pytest

from clinvk.clock import SystemClock
from clinvk.domain import events
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor.limits import Limits
from tests import conftest

TEN_YEARS = 10 * 365 * 86400.0


@pytest.fixture
def steps(monkeypatch):
    """Seconds that the wall clock is ahead of the machine's: a list of one."""
    ahead = [0.0]

    class Set(SystemClock):
        def wall(self):
            return super().wall() + ahead[0]

    monkeypatch.setattr(conftest, "SystemClock", Set)
    return ahead


@pytest.mark.parametrize("step", [TEN_YEARS, -TEN_YEARS], ids=["ahead", "back"])
async def test_a_run_goes_on_and_takes_no_less_than_no_time(new_stage, steps, step):
    stage = new_stage(Limits(total_secs=60))
    run = await stage.start("bound answer")
    await run.first(events.SessionBound)
    steps[0] = step
    assert (await run.end()).state is RunState.COMPLETED
    assert run.said(events.RunFinished)[0].seconds >= 0


@pytest.mark.parametrize("step", [TEN_YEARS, -TEN_YEARS], ids=["ahead", "back"])
async def test_a_run_that_is_stopped_ends_as_soon(new_stage, steps, step):
    stage = new_stage()
    run = await stage.start("deaf")
    await run.first(events.TextDelta)
    steps[0] = step
    run.handle.stop(Stop(StopCause.CLIENT))
    assert (await run.end()).state is RunState.CANCELLED


@pytest.mark.parametrize("step", [TEN_YEARS, -TEN_YEARS], ids=["ahead", "back"])
async def test_its_time_is_up_when_it_would_have_been(new_stage, steps, step):
    stage = new_stage()

    def set_it(event):
        if isinstance(event, events.RunStarted):
            steps[0] = step

    run = await stage.start("then_silent", timeout_secs=0.3, observe=set_it)
    judgement = await run.end()
    assert (judgement.state, judgement.error.message) == (
        RunState.FAILED,
        "The run took longer than its total of 0.3 s",
    )
