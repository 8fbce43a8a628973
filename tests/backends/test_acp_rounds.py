"""Requests to the model are counted from outside, and stopped at the limit."""

import pytest

from clinvk.backends.acp.quirks import Quirks
from clinvk.domain.errors import ErrorCode
from clinvk.domain.events import TextDelta, ToolDone, ToolStarted, TurnDone
from clinvk.domain.run import StopReason
from tests.backends.acp_talk import CURES, AtWork


@pytest.fixture
def agent():
    return AtWork()


def rounds(agent, number):
    """So many rounds of one tool."""
    for one in range(number):
        agent.calls(f"c{one}")
        assert agent.follows_up(f"c{one}") == [ToolDone(f"c{one}", True)]


def test_a_request_after_a_refusal_counts():
    agent = AtWork(max_turns=1)
    agent.asks("c")
    assert [type(output) for output in agent.writes("x")] == [ToolDone, TurnDone]


@pytest.mark.parametrize("say", [lambda a: a.writes("x"), lambda a: a.writes("x", "agent_thought_chunk")])
def test_one_request_more_than_allowed_is_cancelled_and_told_at_once(say):
    agent = AtWork(max_turns=2)
    rounds(agent, 2)
    (done,) = say(agent)
    assert (done.stop_reason, done.error.code) == (StopReason.MAX_TURNS, ErrorCode.MAX_TURNS)
    assert "all 2 turns" in done.error.message
    assert [message["method"] for message in agent.sent()] == ["session/cancel"]
    assert agent.says({"id": 3, "result": {"stopReason": "cancelled"}}) == []


def test_all_that_is_said_after_a_tool_is_one_request():
    agent = AtWork(max_turns=2)
    rounds(agent, 1)
    assert [type(output) for text in "abc" for output in agent.writes(text)] == [TextDelta] * 3
    assert agent.ends()[-1] == TurnDone(StopReason.END_TURN)


def test_a_call_too_many_is_stopped_before_it_is_told():
    agent = AtWork(max_turns=1)
    rounds(agent, 1)
    assert [type(output) for output in agent.calls("more")] == [TurnDone]


def test_an_ask_too_many_is_cancelled():
    agent = AtWork(max_turns=1)
    rounds(agent, 1)
    assert [type(output) for output in agent.asks("more", request=9)] == [TurnDone]
    cancelled = {"jsonrpc": "2.0", "id": 9, "result": {"outcome": {"outcome": "cancelled"}}}
    assert agent.sent()[0] == cancelled


def test_tools_side_by_side_are_one_request():
    agent = AtWork(max_turns=2)
    agent.calls("a")
    agent.calls("b")
    agent.follows_up("a")
    assert agent.calls("c") == [ToolStarted("c", "read", "a.txt")]
    agent.follows_up("b")
    agent.follows_up("c")
    assert agent.writes("done") == [TextDelta("text-3", "done")]
    assert agent.ends()[-1] == TurnDone(StopReason.END_TURN)


def test_an_agent_may_know_better_what_one_request_is():
    agent = AtWork(Quirks(CURES, same_round=lambda tool: tool != "c0"), max_turns=1)
    rounds(agent, 5)
    assert [type(output) for output in agent.writes("x")] == [TurnDone]


def test_without_a_limit_nothing_is_counted_against_the_turn(agent):
    rounds(agent, 50)
    assert agent.ends() == [TurnDone(StopReason.END_TURN)]
