"""The stop ladder: each rung does what it is for, and no grace is waited out that need not be."""

import errno
import os
from dataclasses import replace

import pytest

from clinvk.backends.base import Rung, Step
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.demo.dialogue import DemoDialogue
from clinvk.domain import events
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor.descendants import Descendants
from tests.conftest import DEADLINE, FakeBackend

GRACE = 3 * DEADLINE  # seconds; a rung that does nothing takes all of it, and nobody waits so long


async def stopped_by(step, stage, monkeypatch):
    """A run of the demo backend, stopped in mid-answer by a ladder of this rung alone."""
    traits = replace(DemoBackend.traits, stop=(Rung(step, GRACE),))
    monkeypatch.setattr(DemoBackend, "traits", traits)
    run = await stage.demo("/steady 4 60")
    await run.first(events.TextDelta)
    run.handle.stop(Stop(StopCause.CLIENT))
    assert (await run.end()).state is RunState.CANCELLED
    assert run.said(events.RunFinished)[0].seconds < GRACE
    return run


@pytest.mark.parametrize("step", [Step.SIGINT, Step.SIGTERM])
async def test_a_signal_is_that_signal(stage, monkeypatch, step):
    run = await stopped_by(step, stage, monkeypatch)
    assert run.handle.run.exit.signal == step.name


async def test_a_child_whose_stdin_is_closed_ends_in_good_order(stage, monkeypatch):
    run = await stopped_by(Step.CLOSE_STDIN, stage, monkeypatch)
    assert (run.handle.run.exit.code, run.handle.run.exit.signal) == (0, None)


async def test_a_turn_that_is_interrupted_is_over_before_its_child_is_killed(stage, monkeypatch):
    run = await stopped_by(Step.INTERRUPT, stage, monkeypatch)
    assert run.said(events.TurnDone)
    assert run.handle.run.exit.signal == "SIGKILL"


async def test_a_child_that_is_gone_is_forgotten(stage, monkeypatch):
    await stopped_by(Step.SIGTERM, stage, monkeypatch)
    await stage.all_gone()
    assert stage.supervisor._descendants._families == {}


async def test_where_only_a_signal_helps_an_interrupt_is_not_waited_for(stage, monkeypatch):
    monkeypatch.setattr(DemoDialogue, "interrupt", lambda *_: False)
    run = await stopped_by(Step.INTERRUPT, stage, monkeypatch)
    assert not run.said(events.TurnDone)


async def test_a_child_that_has_stopped_itself_goes_on_and_hears(stage, monkeypatch):
    traits = replace(FakeBackend.traits, stop=(Rung(Step.SIGTERM, GRACE),))
    monkeypatch.setattr(FakeBackend, "traits", traits)
    run = await stage.start("stopped")
    told = await run.first(events.TextDelta)
    os.waitid(os.P_PID, int(told.text.removeprefix("pid ")), os.WSTOPPED | os.WNOWAIT)
    run.handle.stop(Stop(StopCause.CLIENT))
    assert (await run.end()).state is RunState.CANCELLED
    assert run.handle.run.exit.code == 7, "TERM was heard, and KILL not needed"


async def test_where_nothing_can_be_looked_at_the_rungs_are_taken_all_the_same(stage, monkeypatch):
    look = Descendants.look

    def blind_before_the_end(self, last=None, rows=None):
        if last is None:
            raise OSError(errno.EMFILE, "Too many open files")
        return look(self, last, rows)

    monkeypatch.setattr(Descendants, "look", blind_before_the_end)
    run = await stopped_by(Step.CLOSE_STDIN, stage, monkeypatch)
    assert run.handle.run.exit.code == 0
