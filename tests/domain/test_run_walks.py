"""Whatever befalls a run, in whatever order: there is one end, and nothing after it."""

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import sampled_from

from clinvk.domain.run import TRANSITIONS, IllegalTransition, Run, RunState, Signal
from clinvk.domain.spec import RunSpec

ORDER = [RunState.QUEUED, RunState.STARTING, RunState.RUNNING, RunState.STOPPING]
"""Those that have not ended, as they may follow each other."""


class Walk(RuleBasedStateMachine):
    """A run that hears signals as they come."""

    def __init__(self):
        super().__init__()
        self.run = Run("run_1", RunSpec("demo", "hello", "/"), 0.0)
        self.path = [self.run.state]

    @rule(signal=sampled_from(Signal))
    def hear(self, signal):
        before = self.run.state
        if (before, signal) in TRANSITIONS:
            self.run.apply(signal)
            self.path.append(self.run.state)
        else:
            with pytest.raises(IllegalTransition, match=f"{signal} in state {before}"):
                self.run.apply(signal)
            assert self.run.state is before

    @invariant()
    def goes_on_only(self):
        """No state comes twice, and none before one that it follows."""
        going = [ORDER.index(state) for state in self.path if not state.ended]
        assert going == sorted(set(going))

    @invariant()
    def ends_once(self):
        assert [state.ended for state in self.path].count(True) == self.run.state.ended

    @invariant()
    def was_asked_to_stop_before_a_running_one_was_cancelled(self):
        if self.path[-1] is RunState.CANCELLED and RunState.RUNNING in self.path:
            assert RunState.STOPPING in self.path

    def teardown(self):
        """However far it came, it can still end."""
        if not self.run.state.ended:
            self.run.apply(Signal.FAILED)
        assert self.run.state.ended


TestWalk = Walk.TestCase
