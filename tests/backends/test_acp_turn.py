"""What an ACP agent tells in the middle of a turn: text, thoughts, tools."""

import pytest

from clinvk.domain.events import Notice, ReasoningDelta, TextDelta, TextDone, ToolDone, ToolStarted, TurnDone
from clinvk.domain.run import StopReason
from tests.backends.acp_talk import AtWork, shown


@pytest.fixture
def agent():
    return AtWork()


def test_thoughts_are_told_apart_from_the_answer(agent):
    assert agent.writes("hm", "agent_thought_chunk") == [ReasoningDelta("hm")]
    assert agent.writes("yes") == [TextDelta("text-0", "yes")]


def test_the_answer_after_a_tool_is_a_block_of_its_own(agent):
    agent.writes("let me see")
    assert agent.calls("c") == [TextDone("text-0", 10, "let me see"), ToolStarted("c", "read", "a.txt")]
    assert agent.follows_up("c") == [ToolDone("c", True)]
    assert agent.writes("there") == [TextDelta("text-1", "there")]


@pytest.mark.parametrize(
    "kind",
    [
        "user_message_chunk",
        "plan",
        "available_commands_update",
        "current_mode_update",
        "config_option_update",
        "session_info_update",
        "usage_update",
    ],
)
def test_what_is_for_a_screen_says_nothing(agent, kind):
    assert agent.updates(kind) == []


def test_an_image_is_not_passed_on_and_that_is_told(agent):
    said = agent.updates("agent_message_chunk", content={"type": "image", "data": "x"})
    assert said == [Notice("The agent sent something that is not text; clinvk does not pass it on")]
    assert agent.updates("agent_thought_chunk", content={"type": "image", "data": "x"}) == []


@pytest.mark.parametrize("content", [None, "text", {"type": "text"}, {"type": "text", "text": 1}])
def test_a_chunk_of_nothing_is_a_notice(agent, content):
    assert [type(output) for output in agent.updates("agent_message_chunk", content=content)] == [Notice]


def test_a_tool_may_be_followed_up_that_was_never_called(agent):
    assert agent.follows_up("c", "failed", content=[shown("no such file")]) == [
        ToolStarted("c", "tool"),
        ToolDone("c", False, "no such file"),
    ]


def test_a_tool_that_runs_on_says_nothing_and_one_that_ended_stays_ended(agent):
    agent.calls("c")
    assert agent.follows_up("c", "in_progress") == []
    assert agent.follows_up("c", None) == []
    agent.follows_up("c")
    assert agent.follows_up("c", "failed") == []


@pytest.mark.parametrize(
    ("call", "output"),
    [
        ({"content": [shown("a"), shown("b")]}, "a\nb"),
        ({"content": [{"type": "diff", "path": "/project/a", "oldText": "x", "newText": "y"}]}, "/project/a:\ny"),
        ({"content": [{"type": "terminal", "terminalId": "1"}], "rawOutput": {"n": 1}}, '{"n":1}'),
        ({"rawOutput": "raw"}, "raw"),
        ({"content": None}, None),
        ({}, None),
    ],
)
def test_the_output_of_a_tool_is_what_it_shows(agent, call, output):
    agent.calls("c")
    assert agent.follows_up("c", **call) == [ToolDone("c", True, output)]


@pytest.mark.parametrize("content", ["text", [1], {"a": 1}])
def test_output_that_makes_no_sense_is_a_notice(agent, content):
    assert [type(output) for output in agent.calls("c", content=content)] == [Notice]


@pytest.mark.parametrize(
    ("call", "started"),
    [
        ({"kind": "execute", "rawInput": {"command": "ls"}}, ToolStarted("c", "execute", '{"command":"ls"}')),
        ({"kind": "other", "title": "Weather"}, ToolStarted("c", "Weather", "Weather")),
        ({"kind": 7, "title": None}, ToolStarted("c", "tool", None)),
    ],
)
def test_a_tool_is_called_by_its_kind_or_its_title(agent, call, started):
    assert agent.updates("tool_call", toolCallId="c", **call) == [started]


def test_tools_that_never_ended_are_over_with_the_turn(agent):
    agent.calls("a")
    agent.asks("b")
    assert agent.ends() == [ToolDone("b", False), ToolDone("a", False), TurnDone(StopReason.END_TURN)]
