"""What an ACP agent tells in the middle of a turn: text, thoughts, tools, asks, and rounds of the model."""

import json

import pytest

from clinvk.backends.acp.dialogue import AcpDialogue
from clinvk.backends.acp.quirks import Quirks
from clinvk.backends.failures import Cures
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode
from clinvk.domain.events import (
    ApprovalAsked,
    Notice,
    ReasoningDelta,
    TextDelta,
    TextDone,
    ToolDone,
    ToolStarted,
    TurnDone,
)
from clinvk.domain.run import StopReason
from clinvk.domain.spec import RunSpec

CURES = Cures("agent", "log in to it")


class Agent:
    """An agent with the turn "t" under way in conversation "s"; its prompt is request 3."""

    def __init__(self, quirks=Quirks(CURES), max_turns=None):  # noqa: B008  it is immutable
        self.dialogue = AcpDialogue(quirks)
        self.dialogue.open()
        self.dialogue.begin("t", RunSpec("agent", "hello", "/work", max_turns=max_turns))
        self.says({"id": 1, "result": {"protocolVersion": 1}})
        self.says({"id": 2, "result": {"sessionId": "s"}})
        self.dialogue.outgoing()

    def says(self, message):
        said = self.dialogue.receive(json.dumps(message).encode() + b"\n")
        return [one.output for one in said]

    def updates(self, what, **update):
        return self.says(
            {"method": "session/update", "params": {"sessionId": "s", "update": {"sessionUpdate": what, **update}}}
        )

    def writes(self, text, kind="agent_message_chunk"):
        return self.updates(kind, content={"type": "text", "text": text})

    def calls(self, tool, status="pending", **call):
        return self.updates("tool_call", toolCallId=tool, title="a.txt", kind="read", status=status, **call)

    def follows_up(self, tool, status="completed", **call):
        return self.updates("tool_call_update", toolCallId=tool, status=status, **call)

    def asks(self, tool="c", request=0, options=("allow_once", "reject_once"), **call):
        offered = [{"optionId": option.upper(), "kind": option} for option in options]
        params = {"sessionId": "s", "options": offered, "toolCall": {"toolCallId": tool, "title": "x", **call}}
        return self.says({"id": request, "method": "session/request_permission", "params": params})

    def sent(self):
        return [json.loads(line) for line in self.dialogue.outgoing().data.splitlines()]

    def ends(self):
        return self.says({"id": 3, "result": {"stopReason": "end_turn"}})


@pytest.fixture
def agent():
    return Agent()


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
    (notice,) = agent.updates("agent_message_chunk", content={"type": "image", "data": "x"})
    assert "not text" in notice.message
    assert agent.updates("agent_thought_chunk", content={"type": "image", "data": "x"}) == []


@pytest.mark.parametrize("content", [None, "text", {"type": "text"}, {"type": "text", "text": 1}])
def test_a_chunk_of_nothing_is_a_notice(agent, content):
    assert [type(output) for output in agent.updates("agent_message_chunk", content=content)] == [Notice]


def test_a_tool_may_be_followed_up_that_was_never_called(agent):
    assert agent.follows_up("c", "failed", content=[text("no such file")]) == [
        ToolStarted("c", "tool"),
        ToolDone("c", False, "no such file"),
    ]


def test_a_tool_that_runs_on_says_nothing_and_one_that_ended_stays_ended(agent):
    agent.calls("c")
    assert agent.follows_up("c", "in_progress") == []
    assert agent.follows_up("c", None) == []
    agent.follows_up("c")
    assert agent.follows_up("c", "failed") == []


def text(said):
    return {"type": "content", "content": {"type": "text", "text": said}}


@pytest.mark.parametrize(
    ("call", "output"),
    [
        ({"content": [text("a"), text("b")]}, "a\nb"),
        ({"content": [{"type": "diff", "path": "/work/a", "oldText": "x", "newText": "y"}]}, "/work/a:\ny"),
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


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("read", "read"),
        ("search", "read"),
        ("edit", "edit"),
        ("delete", "edit"),
        ("move", "edit"),
        ("execute", "execute"),
        ("fetch", "other"),
        ("think", "other"),
        ("novelty", "other"),
        (None, "other"),
        (["edit"], "other"),
    ],
)
def test_an_ask_tells_what_it_is_about(agent, kind, action):
    started, asked = agent.asks(kind=kind)
    assert (type(started), asked.action, asked.ask_id) == (ToolStarted, action, "0")


def test_an_ask_names_every_file_once(agent):
    diff = {"type": "diff", "path": "/work/b", "newText": ""}
    places = [{"path": "/work/a"}, {"path": "/work/b"}]
    *_, asked = agent.asks(kind="edit", locations=places, content=[diff, text("why")])
    assert asked == ApprovalAsked("0", "edit", "edit", ("/work/a", "/work/b"), "x")


@pytest.mark.parametrize(
    ("options", "allowed", "outcome"),
    [
        (("allow_always", "allow_once", "reject_once"), True, "ALLOW_ONCE"),
        (("allow_always", "allow_once", "reject_always", "reject_once"), False, "REJECT_ONCE"),
        (("allow_once", "reject_always"), False, "REJECT_ALWAYS"),
        (("allow_always", "reject_once"), True, "REJECT_ONCE"),
        ((), True, None),
        (("allow_once",), False, None),
    ],
)
def test_an_ask_is_answered_for_once_never_for_good(agent, options, allowed, outcome):
    agent.asks(options=options)
    agent.dialogue.answer("t", "0", Verdict(allowed, "so it is"))
    chosen = {"outcome": "selected", "optionId": outcome} if outcome else {"outcome": "cancelled"}
    (answer,) = agent.sent()
    assert (answer["id"], answer["result"]) == (0, {"outcome": chosen})


def test_an_ask_is_answered_once_and_by_its_own_turn(agent):
    agent.asks()
    for turn, ask in [("another", "0"), ("t", "unknown"), ("t", "0"), ("t", "0")]:
        agent.dialogue.answer(turn, ask, Verdict(True, "yes"))
    assert len(agent.sent()) == 1


def test_a_tool_that_was_allowed_goes_on(agent):
    agent.asks()
    agent.dialogue.answer("t", "0", Verdict(True, "yes"))
    assert agent.follows_up("c") == [ToolDone("c", True)]


def test_a_tool_that_was_refused_is_over_when_the_agent_goes_on_without_it(agent):
    agent.asks("c")
    agent.dialogue.answer("t", "0", Verdict(False, "nobody is there"))
    assert [type(output) for output in agent.updates("novelty")] == [Notice]
    assert agent.writes("x") == [ToolDone("c", False), TextDelta("text-1", "x")]
    assert agent.follows_up("c", "failed") == []


def test_a_tool_that_was_refused_is_over_when_the_agent_says_so(agent):
    agent.asks("c")
    agent.dialogue.answer("t", "0", Verdict(False, "nobody is there"))
    assert agent.follows_up("c", "failed", content=[text("refused")]) == [ToolDone("c", False, "refused")]


def test_tools_that_never_ended_are_over_with_the_turn(agent):
    agent.calls("a")
    agent.asks("b")
    assert agent.ends() == [ToolDone("b", False), ToolDone("a", False), TurnDone(StopReason.END_TURN)]


def test_a_tool_that_runs_already_may_be_asked_for(agent):
    agent.calls("c")
    assert [type(output) for output in agent.asks("c")] == [ApprovalAsked]
    assert agent.follows_up("c") == [ToolDone("c", True)]


def test_a_tool_that_is_over_may_be_asked_for_again(agent):
    agent.calls("c")
    agent.follows_up("c")
    assert [type(output) for output in agent.asks("c")] == [ToolStarted, ApprovalAsked]


def test_a_request_after_a_refusal_counts():
    agent = Agent(max_turns=1)
    agent.asks("c")
    assert [type(output) for output in agent.writes("x")] == [ToolDone, TurnDone]


def rounds(agent, number):
    """So many rounds of one tool."""
    for one in range(number):
        agent.calls(f"c{one}")
        assert agent.follows_up(f"c{one}") == [ToolDone(f"c{one}", True)]


@pytest.mark.parametrize("say", [lambda a: a.writes("x"), lambda a: a.writes("x", "agent_thought_chunk")])
def test_one_request_more_than_allowed_is_cancelled_and_told_at_once(say):
    agent = Agent(max_turns=2)
    rounds(agent, 2)
    (done,) = say(agent)
    assert (done.stop_reason, done.error.code) == (StopReason.MAX_TURNS, ErrorCode.MAX_TURNS)
    assert [message["method"] for message in agent.sent()] == ["session/cancel"]
    assert agent.says({"id": 3, "result": {"stopReason": "cancelled"}}) == []


def test_a_call_too_many_is_stopped_before_it_is_told():
    agent = Agent(max_turns=1)
    rounds(agent, 1)
    assert [type(output) for output in agent.calls("more")] == [TurnDone]


def test_an_ask_too_many_is_cancelled():
    agent = Agent(max_turns=1)
    rounds(agent, 1)
    assert [type(output) for output in agent.asks("more", request=9)] == [TurnDone]
    cancelled = {"jsonrpc": "2.0", "id": 9, "result": {"outcome": {"outcome": "cancelled"}}}
    assert agent.sent()[0] == cancelled


def test_tools_side_by_side_are_one_request():
    agent = Agent(max_turns=2)
    agent.calls("a")
    agent.calls("b")
    agent.follows_up("a")
    assert agent.calls("c") == [ToolStarted("c", "read", "a.txt")]
    agent.follows_up("b")
    agent.follows_up("c")
    assert agent.writes("done") == [TextDelta("text-3", "done")]
    assert agent.ends()[-1] == TurnDone(StopReason.END_TURN)


def test_an_agent_may_know_better_what_one_request_is():
    agent = Agent(Quirks(CURES, same_round=lambda tool: tool != "c0"), max_turns=1)
    rounds(agent, 5)
    assert [type(output) for output in agent.writes("x")] == [TurnDone]


def test_without_a_limit_nothing_is_counted_against_the_turn(agent):
    rounds(agent, 50)
    assert agent.ends() == [TurnDone(StopReason.END_TURN)]
