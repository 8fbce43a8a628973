"""What a turn of codex tells: text, reasoning, tools, usage, and the limit of its responses."""

from dataclasses import replace

from clinvk.domain.errors import ErrorCode
from clinvk.domain.events import (
    ReasoningDelta,
    TextDelta,
    TextDone,
    ToolDone,
    ToolStarted,
    TurnDone,
    UsageReported,
)
from clinvk.domain.run import StopReason
from clinvk.domain.usage import Usage
from tests.backends.codex_talk import HERE, NATIVE, SPEC, THREAD, Talk, command_done, command_started, stopped


def test_an_answer_comes_in_deltas_and_is_closed():
    talk = Talk().started()
    said = talk.here("item/agentMessage/delta", itemId="m", delta="he")
    said += talk.here("item/agentMessage/delta", itemId="m", delta="llo")
    said += talk.item("completed", type="agentMessage", id="m", text="hello")
    assert said == [TextDelta("m", "he"), TextDelta("m", "llo"), TextDone("m", 5, "hello")]
    assert talk.completed() == [TurnDone(StopReason.END_TURN)]


def test_an_answer_without_deltas_is_told_whole_and_once():
    talk = Talk().started()
    whole = talk.item("completed", type="agentMessage", id="m", text="hello")
    assert whole == [TextDelta("m", "hello"), TextDone("m", 5, "hello")]
    assert talk.item("completed", type="agentMessage", id="m", text="hello") == []
    assert talk.item("completed", type="agentMessage", id="n", text="") == []


def test_reasoning_is_told_with_a_gap_between_its_parts():
    talk = Talk().started()
    said = talk.here("item/reasoning/summaryPartAdded", summaryIndex=0)
    said += talk.here("item/reasoning/summaryTextDelta", delta="hm")
    said += talk.here("item/reasoning/summaryPartAdded", summaryIndex=1)
    said += talk.here("item/reasoning/textDelta", delta="ah")
    assert said == [ReasoningDelta("hm"), ReasoningDelta("\n\n"), ReasoningDelta("ah")]


def test_a_command_is_a_tool():
    talk = Talk().started()
    assert command_started(talk) == [ToolStarted("call_1", "shell", "ls")]
    assert command_started(talk) == []
    assert command_done(talk) == [ToolDone("call_1", True, "a\n")]


def test_a_tool_that_only_ends_began_too():
    assert command_done(Talk().started(), code=1) == [
        ToolStarted("call_1", "shell", "ls"),
        ToolDone("call_1", False, "a\n"),
    ]


def test_a_tool_that_is_open_at_the_end_did_not_end_well():
    talk = Talk().started()
    command_started(talk)
    assert talk.completed() == [ToolDone("call_1", False), TurnDone(StopReason.END_TURN)]


def test_what_is_no_message_and_no_tool_says_nothing():
    talk = Talk().started()
    for event in ("started", "completed"):
        assert talk.item(event, type="plan", id="p", text="first this") == []
    assert talk.here("turn/diff/updated", diff="") == []


def test_what_belongs_to_another_turn_or_thread_says_nothing():
    talk = Talk().started()
    delta = {"itemId": "m", "delta": "x"}
    assert talk.tell("item/agentMessage/delta", threadId=THREAD, turnId="older", **delta) == []
    assert talk.tell("item/agentMessage/delta", threadId="other", turnId=NATIVE, **delta) == []
    assert talk.tell("turn/started", threadId=THREAD, turn={"id": "another"}) == []
    talk.completed()
    assert talk.here("item/agentMessage/delta", **delta) == []


def test_usage_is_the_sum_of_the_responses():
    talk = Talk().started()
    talk.used(outputTokens=2)
    said = talk.used(outputTokens=3, cachedInputTokens=4, cacheWriteInputTokens=1, reasoningOutputTokens=2)
    assert said == [UsageReported(Usage(20, 5, 4, 1, 2))]


def limited(turns=1):
    return Talk(replace(SPEC, max_turns=turns)).started()


def test_the_last_response_may_answer_but_not_use_tools():
    talk = limited()
    assert len(talk.used()) == 1
    assert talk.completed() == [TurnDone(StopReason.END_TURN)]
    talk = limited()
    command_done(talk)
    done = talk.used()[-1]
    assert (done.stop_reason, done.error.code) == (StopReason.MAX_TURNS, ErrorCode.MAX_TURNS)
    assert "all 1 turns" in done.error.message
    assert stopped(talk) == [HERE]
    assert talk.completed("interrupted") == []


def test_the_limit_waits_for_a_tool_whose_end_is_told_a_moment_later():
    talk = limited()
    command_started(talk)
    command_started(talk, "call_2")
    assert len(talk.used()) == 1
    assert command_done(talk) == [ToolDone("call_1", True, "a\n")]
    assert isinstance(command_done(talk, "call_2")[-1], TurnDone)


def test_a_response_without_tools_may_be_the_last_whatever_the_one_before_used():
    talk = limited(2)
    command_done(talk)
    assert [type(said) for said in talk.used() + talk.used()] == [UsageReported, UsageReported]
    assert talk.completed() == [TurnDone(StopReason.END_TURN)]


def test_without_a_limit_a_tool_may_end_after_its_response():
    talk = Talk().started()
    command_started(talk)
    talk.used()
    assert command_done(talk) == [ToolDone("call_1", True, "a\n")]


def test_whatever_comes_after_the_last_response_is_too_much():
    talk = limited()
    talk.used()
    assert talk.item("started", type="userMessage", id="u") == []
    (done,) = talk.item("started", type="reasoning", id="r")
    assert done.stop_reason is StopReason.MAX_TURNS
    for late in (command_started, command_done):
        talk = limited()
        talk.used()
        assert [type(said) for said in late(talk)] == [TurnDone]
    talk = limited()
    talk.used()
    assert isinstance(talk.used()[-1], TurnDone)
