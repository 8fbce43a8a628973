"""How a turn of an ACP agent ends: by itself, by a failure, cancelled, or with its child."""

import json

import pytest

from clinvk.backends.acp.quirks import Quirks
from clinvk.backends.base import Said
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import Notice, SessionBound, TextDone, ToolStarted, TurnDone, UsageReported
from clinvk.domain.run import Exit, StopReason
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage
from tests.backends.acp_talk import CURES, READY, SPEC, TOOL, Agent, end, outputs, prompted_agent

ERROR = RunError(ErrorCode.NOT_AUTHENTICATED, "Log in")


@pytest.fixture
def agent():
    return Agent()


@pytest.fixture
def prompted():
    return prompted_agent()


@pytest.mark.parametrize(
    ("reason", "done"),
    [
        ("end_turn", TurnDone(StopReason.END_TURN)),
        ("max_tokens", TurnDone(StopReason.MAX_TOKENS)),
        ("refusal", TurnDone(StopReason.REFUSAL)),
    ],
)
def test_the_models_reason_to_stop_is_told(prompted, reason, done):
    assert end(prompted.answers(3, {"stopReason": reason})) == done


CANCELLED = "The agent cancelled the turn, and nobody had asked for it; send the prompt again"
LIMITED = "The agent stopped at a limit of turns in its own settings, or because it went in circles; ask for less"
UNKNOWN = "The agent ended the turn and gave no reason that clinvk knows; look for a newer clinvk"


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("cancelled", RunError(ErrorCode.BACKEND_FAILED, CANCELLED)),
        ("max_turn_requests", RunError(ErrorCode.MAX_TURNS, LIMITED)),
        ("a new one", RunError(ErrorCode.PROTOCOL, f"{UNKNOWN}: a new one")),
        (["end_turn"], RunError(ErrorCode.PROTOCOL, f"{UNKNOWN}: ['end_turn']")),
        (None, RunError(ErrorCode.PROTOCOL, f"{UNKNOWN}: None")),
    ],
)
def test_an_end_that_nobody_asked_for_is_a_failure(prompted, reason, error):
    assert end(prompted.answers(3, {"stopReason": reason})).error == error


def test_the_agents_own_limit_is_ours_where_one_was_given(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RunSpec("agent", "hello", "/project", max_turns=7))
    agent.answers(2, {"sessionId": "s"})
    done = end(agent.answers(3, {"stopReason": "max_turn_requests"}))
    assert (done.stop_reason, done.error.code) == (StopReason.MAX_TURNS, ErrorCode.MAX_TURNS)
    assert "all 7 turns" in done.error.message


def test_an_agent_may_tell_usage_and_that_its_good_end_is_none():
    told = {
        "usage": lambda result: Usage(3, result["made"]),
        "unfinished": lambda result: result["lost"] and ERROR,
    }
    for lost, done in ((True, TurnDone(None, ERROR)), (False, TurnDone(StopReason.END_TURN))):
        agent = prompted_agent(Quirks(CURES, **told))
        said = outputs(agent.answers(3, {"stopReason": "end_turn", "made": 4, "lost": lost}))
        assert said == [UsageReported(Usage(3, 4)), done]
    agent = prompted_agent(Quirks(CURES, **told))
    assert end(agent.answers(3, {"stopReason": "refusal", "made": 4, "lost": True})).error is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": -32000, "message": "Authentication required"}, ErrorCode.NOT_AUTHENTICATED),
        ({"code": 429, "message": "slow down"}, ErrorCode.USAGE_LIMIT),
        ({"code": -32603, "message": "Internal error", "data": {"details": "ECONNREFUSED"}}, ErrorCode.NETWORK),
        ({"code": -32603, "message": "Internal error", "data": {"details": 7}}, ErrorCode.BACKEND_FAILED),
        ({"code": "odd"}, ErrorCode.BACKEND_FAILED),
        ({}, ErrorCode.BACKEND_FAILED),
    ],
)
@pytest.mark.parametrize("request_id", [1, 2, 3])
def test_an_error_ends_the_turn_whatever_it_answers(agent, request_id, error, code):
    agent.dialogue.begin("t", SPEC)
    for known, result in [(1, READY), (2, {"sessionId": "s"})][: request_id - 1]:
        agent.answers(known, result)
    assert end(agent.fails(request_id, **error)).error.code is code


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": -32000, "message": "who?"}, "agent is not logged in, or its key is refused; log in to it: who?"),
        ({"code": 401, "message": "who?"}, "agent is not logged in, or its key is refused; log in to it: who?"),
        ({"message": "status 401"}, "agent is not logged in, or its key is refused; log in to it: status 401"),
        ({"code": 400, "message": "no"}, "The provider refused the request (400); see what it says: no"),
        ({"code": 399, "message": "no"}, "agent failed; see what it says: no"),
        ({"code": 600, "message": "no"}, "agent failed; see what it says: no"),
        ({"message": "no", "data": {"details": ""}}, "agent failed; see what it says: no"),
        ({"message": "no", "data": "details"}, "agent failed; see what it says: no"),
        ({"message": 7}, "agent failed; see what it says"),
    ],
)
def test_a_failure_is_told_in_the_agents_words(prompted, error, words):
    assert end(prompted.fails(3, **error)).error.message == words


def test_an_agent_may_know_its_failures_better():
    agent = prompted_agent(
        Quirks(CURES, failure=lambda error, cures: error["code"] == 7 and cures is CURES and ERROR)
    )
    assert end(agent.fails(3, code=7)).error is ERROR


def test_a_prompt_is_cancelled_by_protocol(prompted):
    assert prompted.dialogue.interrupt("another") is False
    assert prompted.dialogue.interrupt("t") is True
    assert prompted.sent() == [{"method": "session/cancel", "params": {"sessionId": "s"}}]
    assert end(prompted.answers(3, {"stopReason": "cancelled"})) == TurnDone()


def test_a_turn_cancelled_before_the_handshake_ends_without_a_conversation(agent):
    agent.dialogue.begin("t", SPEC)
    assert agent.dialogue.interrupt("t") is True
    agent.sent()
    assert outputs(agent.answers(1, READY)) == [TurnDone()]
    assert agent.sent() == []


def test_a_turn_cancelled_before_its_conversation_is_there_is_never_prompted(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", SPEC)
    agent.dialogue.interrupt("t")
    agent.sent()
    assert outputs(agent.answers(2, {"sessionId": "s"})) == [SessionBound("s"), TurnDone()]
    assert agent.sent() == []


def test_a_stray_line_may_end_every_turn():
    agent = Agent(Quirks(CURES, stray=lambda said: ERROR if "log in" in said else None))
    agent.dialogue.begin("t", SPEC)
    agent.dialogue.begin("u", SPEC)
    assert [type(one.output) for one in agent.dialogue.receive(b"harmless\n")] == [Notice]
    said = agent.dialogue.receive(b"please log in\n")
    assert [(one.turn, type(one.output)) for one in said] == [(None, Notice), ("t", TurnDone), ("u", TurnDone)]
    assert agent.dialogue.fit(SPEC) is None
    agent.answers(1, READY)
    assert [message["method"] for message in agent.sent()] == ["initialize"]


def test_an_answer_for_a_turn_that_is_over_says_nothing():
    agent = Agent(Quirks(CURES, stray=lambda said: ERROR if "log in" in said else None))
    agent.dialogue.begin("t", SPEC)
    agent.answers(1, READY)
    agent.dialogue.receive(b"log in\n")
    agent.sent()
    assert agent.answers(2, {"sessionId": "s"}) == []
    assert agent.sent() == []


def test_a_failure_for_a_turn_that_is_over_says_nothing():
    agent = Agent(Quirks(CURES, stray=lambda said: ERROR if "log in" in said else None))
    agent.dialogue.begin("t", SPEC)
    agent.answers(1, READY)
    agent.dialogue.receive(b"log in\n")
    assert agent.fails(2, code=-32000) == []


def test_at_the_exit_an_open_block_is_closed(prompted):
    prompted.writes("x")
    assert prompted.dialogue.exited(Exit(1)) == [Said("t", TextDone("text-0", 1, "x"))]


def test_at_the_exit_the_last_line_is_heard_and_no_end_is_invented(prompted):
    prompted.writes("x")
    rest = json.dumps({"method": "session/update", "params": {"sessionId": "s", "update": TOOL}}).encode()
    assert prompted.dialogue.receive(rest) == []
    assert prompted.dialogue.exited(Exit(1)) == [
        Said("t", TextDone("text-0", 1, "x")),
        Said("t", ToolStarted("c", "read", "a")),
    ]
    assert prompted.dialogue.fit(SPEC) is None
    assert prompted.dialogue.exited(Exit(1)) == []
