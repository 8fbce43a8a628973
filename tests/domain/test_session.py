"""What a turn makes of its session."""

import pytest

from clinvk.domain.run import RunState
from clinvk.domain.session import Session, SessionStatus
from clinvk.domain.usage import Usage

SESSION = Session("ses_1", "demo", "/", 1.0, 1.0, model="one", backend_session_id="demo-1")


def test_a_session_begins_with_its_first_turn_under_way():
    assert (SESSION.status, SESSION.turn_count, SESSION.usage) == (SessionStatus.ACTIVE, 1, Usage())


@pytest.mark.parametrize(("asked", "model"), [(None, "one"), ("two", "two")])
def test_one_more_turn_is_counted_and_the_model_it_names_is_the_sessions(asked, model):
    begun = SESSION.turn_ended(2.0, RunState.COMPLETED, Usage()).turn_begun(3.0, asked)
    assert (begun.turn_count, begun.status, begun.last_used) == (2, SessionStatus.ACTIVE, 3.0)
    assert (begun.model, begun.created_at, begun.backend_session_id) == (model, 1.0, "demo-1")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RunState.COMPLETED, SessionStatus.COMPLETED),
        (RunState.FAILED, SessionStatus.ERROR),
        (RunState.CANCELLED, SessionStatus.ERROR),
    ],
)
def test_the_end_of_a_turn_is_the_sessions_status_and_its_usage_is_added(state, status):
    once = SESSION.turn_ended(2.0, state, Usage(3, 4, cost_usd=0.5))
    twice = once.turn_begun(3.0, None).turn_ended(4.0, state, Usage(1, 1, cost_usd=0.25))
    assert (once.status, once.last_used, twice.status) == (status, 2.0, status)
    assert (once.usage, twice.usage) == (Usage(3, 4, cost_usd=0.5), Usage(4, 5, cost_usd=0.75))
    assert twice.turn_count == 2


def test_a_session_is_not_changed_by_its_turns():
    SESSION.turn_begun(5.0, "other")
    assert (SESSION.turn_count, SESSION.model) == (1, "one")
