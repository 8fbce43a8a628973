"""The state machine of a run, cell by cell."""

import itertools

import pytest

from clinvk.domain.run import ENDED, TRANSITIONS, Exit, IllegalTransition, Run, RunState, Signal
from clinvk.domain.spec import RunSpec

EXPECTED = {
    RunState.QUEUED: {"admitted": "starting", "failed": "failed", "cancelled": "cancelled"},
    RunState.STARTING: {"started": "running", "failed": "failed", "cancelled": "cancelled"},
    RunState.RUNNING: {"stop": "stopping", "completed": "completed", "failed": "failed"},
    RunState.STOPPING: {"failed": "failed", "cancelled": "cancelled"},
    RunState.COMPLETED: {},
    RunState.FAILED: {},
    RunState.CANCELLED: {},
}


def a_run(state=RunState.QUEUED):
    return Run("run_1", RunSpec("demo", "hello", "/project"), created_at=1.0, state=state)


@pytest.mark.parametrize(("state", "signal"), list(itertools.product(RunState, Signal)))
def test_every_cell_of_the_table(state, signal):
    run = a_run(state)
    expected = EXPECTED[state].get(signal)
    if expected is None:
        with pytest.raises(IllegalTransition, match=f"run_1: {signal} in state {state}"):
            run.apply(signal)
        assert run.state is state
    else:
        run.apply(signal)
        assert run.state is RunState(expected)


def test_every_state_can_be_reached_and_left_unless_it_is_an_end():
    reached = set(TRANSITIONS.values())
    left = {state for state, _ in TRANSITIONS}
    assert reached == set(RunState) - {RunState.QUEUED}
    assert left == set(RunState) - ENDED


@pytest.mark.parametrize("state", RunState)
def test_ended_is_said_of_the_three_ends_only(state):
    assert state.ended is (state in {"completed", "failed", "cancelled"})


def test_a_run_begins_queued_with_nothing_known():
    run = a_run()
    assert run.state is RunState.QUEUED
    assert (run.started_at, run.pid, run.stop, run.exit, run.error) == (None,) * 5


@pytest.mark.parametrize(("exit_", "clean"), [(Exit(0), True), (Exit(1), False), (Exit(None, "SIGKILL"), False)])
def test_only_code_0_is_a_clean_exit(exit_, clean):
    assert exit_.clean is clean


@pytest.mark.parametrize(
    ("tail", "words"), [("", ""), ("\n \n", ""), ("one\n two \r\n\n", "two"), ("only", "only")]
)
def test_the_last_words_are_the_last_line_on_stderr_that_says_anything(tail, words):
    assert Exit(1, None, tail).last_words == words
