"""The Agent Client Protocol as any agent speaks it: handshake, conversations, prompts."""

import pytest

from clinvk.backends.acp.quirks import Quirks
from clinvk.backends.base import Said
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import SessionBound, TextDelta, TextDone, TurnDone
from clinvk.domain.run import Start, StopReason
from clinvk.domain.spec import RunSpec
from tests.backends.acp_talk import CURES, READY, RESUMED, SPEC, UUID, Agent, end, outputs, prompted_agent

ANOTHER = "look for another version of it, or of clinvk"
FENCED = Quirks(CURES, fenced=True, load_as=lambda name: f" {name}")


@pytest.fixture
def agent():
    return Agent()


@pytest.fixture
def prompted():
    return prompted_agent()


def test_a_turn_waits_for_the_handshake_then_gets_a_conversation_and_is_prompted(agent):
    agent.dialogue.begin("t", SPEC)
    (hello,) = agent.sent()
    assert (hello["id"], hello["method"]) == (1, "initialize")
    assert hello["params"]["clientCapabilities"] == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }
    assert agent.answers(1, READY) == []
    assert agent.sent() == [{"id": 2, "method": "session/new", "params": {"cwd": "/project", "mcpServers": []}}]
    assert agent.answers(2, {"sessionId": "s"}) == [Said("t", SessionBound("s"))]
    prompt = {"sessionId": "s", "prompt": [{"type": "text", "text": "hello"}]}
    assert agent.sent() == [{"id": 3, "method": "session/prompt", "params": prompt}]


def test_the_answer_of_the_prompt_is_the_end_of_the_turn(prompted):
    assert prompted.writes("Hel") == [Said("t", TextDelta("text-0", "Hel"))]
    prompted.writes("lo")
    assert outputs(prompted.answers(3, {"stopReason": "end_turn"})) == [
        TextDone("text-0", 5, "Hello"),
        TurnDone(StopReason.END_TURN),
    ]
    assert prompted.writes("late") == []


def test_a_system_prompt_goes_before_the_prompt(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RunSpec("agent", "hello", "/project", system_prompt="Be brief."))
    agent.answers(2, {"sessionId": "s"})
    blocks = agent.sent()[-1]["params"]["prompt"]
    assert [block["text"] for block in blocks] == ["Be brief.", "hello"]


def test_only_what_an_agent_reads_first_is_made_plain():
    agent = Agent(Quirks(CURES, plain=lambda text: f"!{text}"))
    agent.answers(1, READY)
    agent.dialogue.begin("t", RunSpec("agent", "hello", "/project", system_prompt="Be brief."))
    agent.answers(2, {"sessionId": "s"})
    assert [block["text"] for block in agent.sent()[-1]["params"]["prompt"]] == ["!Be brief.", "hello"]


def test_an_agent_that_fails_its_handshake_takes_no_turns(agent):
    agent.fails(1, code=-32603, message="no")
    assert agent.dialogue.fit(SPEC) is None


@pytest.mark.parametrize("result", [{"protocolVersion": 2}, {}])
def test_an_agent_of_another_protocol_takes_no_turns(agent, result):
    agent.dialogue.begin("t", SPEC)
    said = "The agent speaks a version of the protocol that clinvk does not"
    assert end(agent.answers(1, result)).error == RunError(ErrorCode.PROTOCOL, f"{said}; {ANOTHER}")
    assert agent.dialogue.fit(SPEC) is None


def test_a_conversation_without_an_id_is_a_failure(agent):
    agent.dialogue.begin("t", SPEC)
    agent.answers(1, READY)
    said = "The agent opened a conversation that has no id"
    assert end(agent.answers(2, {})).error == RunError(ErrorCode.PROTOCOL, f"{said}; {ANOTHER}")


def test_a_conversation_is_loaded_and_then_prompted(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RESUMED)
    load = {"sessionId": UUID, "cwd": "/project", "mcpServers": []}
    assert agent.sent()[-1] == {"id": 2, "method": "session/load", "params": load}
    assert agent.writes("of old", UUID) == []
    assert agent.answers(2, {}) == [Said("t", SessionBound(UUID))]
    assert agent.sent()[-1]["params"] == {"sessionId": UUID, "prompt": [{"type": "text", "text": "again"}]}


COMMANDS = {"sessionUpdate": "available_commands_update", "availableCommands": []}


def fenced(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RESUMED)
    assert agent.sent()[-1]["params"]["sessionId"] == f" {UUID}"
    return f" {UUID}"


def test_an_agent_that_replays_after_its_answer_is_prompted_behind_the_history():
    agent = Agent(FENCED)
    name = fenced(agent)
    assert agent.answers(2, {}) == []
    assert agent.writes("of old", name) == []
    assert agent.sent() == []
    assert agent.updates(name, **COMMANDS) == [Said("t", SessionBound(UUID))]
    assert agent.sent()[0]["params"]["sessionId"] == name


def test_the_end_of_the_history_may_come_before_the_answer():
    agent = Agent(FENCED)
    name = fenced(agent)
    assert agent.updates(name, **COMMANDS) == []
    assert agent.answers(2, {}) == [Said("t", SessionBound(UUID))]


def test_a_list_of_commands_in_the_middle_prompts_nobody(prompted):
    assert prompted.updates(**COMMANDS) == []
    assert prompted.sent() == []


def test_a_conversation_that_is_not_there_is_lost_before_the_prompt(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RESUMED)
    agent.sent()
    error = end(agent.fails(2, code=-32603, message="Internal error", data={"details": "no sessions"})).error
    assert (error.code, "no sessions" in error.message) == (ErrorCode.RESUME_FAILED, True)
    assert agent.sent() == []


def test_a_login_that_is_missing_is_no_lost_conversation(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RESUMED)
    assert end(agent.fails(2, code=-32000, message="log in")).error.code is ErrorCode.NOT_AUTHENTICATED


def test_an_idle_conversation_goes_on_at_once(prompted):
    prompted.answers(3, {"stopReason": "end_turn"})
    live = RunSpec("agent", "more", "/project", resume="s")
    assert (prompted.dialogue.fit(live), prompted.dialogue.fit(SPEC)) == (Start.LIVE, Start.WARM)
    prompted.dialogue.begin("u", live)
    assert [message["params"]["sessionId"] for message in prompted.sent()] == ["s"]
    assert outputs(prompted.writes("x")) == [SessionBound("s"), TextDelta("text-0", "x")]
    prompted.answers(4, {"stopReason": "end_turn"})
    assert prompted.dialogue.fit(live) is Start.LIVE


def test_several_turns_are_kept_apart(agent):
    agent.answers(1, READY)
    for number in range(agent.dialogue.capacity):
        agent.dialogue.begin(f"t{number}", SPEC)
        agent.answers(2 * number + 2, {"sessionId": f"s{number}"})
    assert agent.dialogue.fit(SPEC) is None
    assert [one.turn for one in agent.writes("a", "s1") + agent.writes("b", "s0")] == ["t1", "t0"]


def test_one_conversation_takes_one_turn_at_a_time(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RESUMED)
    assert agent.dialogue.fit(RESUMED) is None
    with pytest.raises(AssertionError, match=r"^the child is busy or gone$"):
        agent.dialogue.begin("u", RESUMED)


def test_a_new_conversation_is_busy_by_its_name_too(prompted):
    assert prompted.dialogue.fit(RunSpec("agent", "more", "/project", resume="s")) is None
