"""An ACP agent asks for leave: what for, and what becomes of the answer."""

import pytest

from clinvk.domain.approvals import Verdict
from clinvk.domain.events import ApprovalAsked, Notice, TextDelta, ToolDone, ToolStarted, TurnDone
from clinvk.domain.run import StopReason
from tests.backends.acp_talk import AtWork, shown


@pytest.fixture
def agent():
    return AtWork()


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
    diffs = [{"type": "diff", "path": path, "newText": ""} for path in ("/project/b", "/project/c")]
    places = [{"path": "/project/a"}, {"path": "/project/b"}]
    *_, asked = agent.asks(kind="edit", locations=places, content=[*diffs, shown("why")])
    assert asked == ApprovalAsked("0", "edit", "edit", ("/project/a", "/project/b", "/project/c"), "x")


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
    assert agent.follows_up("c", "failed", content=[shown("refused")]) == [ToolDone("c", False, "refused")]
    assert agent.ends() == [TurnDone(StopReason.END_TURN)]


def test_a_tool_that_runs_already_may_be_asked_for(agent):
    agent.calls("c")
    assert [type(output) for output in agent.asks("c")] == [ApprovalAsked]
    assert agent.follows_up("c") == [ToolDone("c", True)]


def test_a_tool_may_be_asked_for_twice(agent):
    agent.asks("c")
    assert [type(output) for output in agent.asks("c", request=1)] == [ApprovalAsked]
    for ask in ("0", "1"):
        agent.dialogue.answer("t", ask, Verdict(True, "yes"))
    assert [answer["id"] for answer in agent.sent()] == [0, 1]


def test_a_tool_that_is_over_may_be_asked_for_again(agent):
    agent.calls("c")
    agent.follows_up("c")
    assert [type(output) for output in agent.asks("c")] == [ToolStarted, ApprovalAsked]
    assert agent.follows_up("c") == [ToolDone("c", True)]
