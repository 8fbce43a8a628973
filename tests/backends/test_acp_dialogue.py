"""The Agent Client Protocol as any agent speaks it: handshake, conversations, prompts, cancelling, the end."""

import json

import pytest

from clinvk.backends.acp.dialogue import AcpDialogue
from clinvk.backends.acp.quirks import Quirks
from clinvk.backends.base import Said
from clinvk.backends.failures import Cures
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import Notice, SessionBound, TextDelta, TextDone, ToolStarted, TurnDone, UsageReported
from clinvk.domain.run import Exit, Start, StopReason
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage

CURES = Cures("agent", "log in to it")
PLAIN = Quirks(CURES)
FENCED = Quirks(CURES, fenced=True, load_as=lambda name: f" {name}")
UUID = "00000000-0000-4000-8000-000000000001"
SPEC = RunSpec("agent", "hello", "/work")
RESUMED = RunSpec("agent", "again", "/work", resume=UUID)
READY = {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}


class Agent:
    """The other side, played by hand: what it was sent, and what it answers."""

    def __init__(self, quirks=PLAIN):
        self.dialogue = AcpDialogue(quirks)
        self.dialogue.open()

    def sent(self):
        messages = [json.loads(line) for line in self.dialogue.outgoing().data.splitlines()]
        assert all(message.pop("jsonrpc") == "2.0" for message in messages)
        return messages

    def says(self, message):
        return self.dialogue.receive(json.dumps(message).encode() + b"\n")

    def answers(self, request, result):
        return self.says({"id": request, "result": result})

    def fails(self, request, **error):
        return self.says({"id": request, "error": error})

    def updates(self, session="s", **update):
        return self.says({"method": "session/update", "params": {"sessionId": session, "update": update}})

    def writes(self, text, session="s"):
        content = {"type": "text", "text": text}
        return self.updates(session, sessionUpdate="agent_message_chunk", content=content)


@pytest.fixture
def agent():
    return Agent()


@pytest.fixture
def prompted(agent):
    """An agent in the middle of turn `t`, conversation `s`; the prompt is request 3."""
    agent.dialogue.begin("t", SPEC)
    agent.answers(1, READY)
    agent.answers(2, {"sessionId": "s"})
    agent.sent()
    return agent


def outputs(said):
    return [one.output for one in said]


def end(said):
    """The end of the one turn that ended."""
    (done,) = [one.output for one in said if isinstance(one.output, TurnDone)]
    return done


def test_a_turn_waits_for_the_handshake_then_gets_a_conversation_and_is_prompted(agent):
    agent.dialogue.begin("t", SPEC)
    (hello,) = agent.sent()
    assert (hello["id"], hello["method"]) == (1, "initialize")
    assert hello["params"]["clientCapabilities"] == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }
    assert agent.answers(1, READY) == []
    assert agent.sent() == [{"id": 2, "method": "session/new", "params": {"cwd": "/work", "mcpServers": []}}]
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
    agent.dialogue.begin("t", RunSpec("agent", "hello", "/work", system_prompt="Be brief."))
    agent.answers(2, {"sessionId": "s"})
    blocks = agent.sent()[-1]["params"]["prompt"]
    assert [block["text"] for block in blocks] == ["Be brief.", "hello"]


def test_only_what_an_agent_reads_first_is_made_plain():
    agent = Agent(Quirks(CURES, plain=lambda text: f"!{text}"))
    agent.answers(1, READY)
    agent.dialogue.begin("t", RunSpec("agent", "hello", "/work", system_prompt="Be brief."))
    agent.answers(2, {"sessionId": "s"})
    assert [block["text"] for block in agent.sent()[-1]["params"]["prompt"]] == ["!Be brief.", "hello"]


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


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("cancelled", ErrorCode.BACKEND_FAILED),
        ("max_turn_requests", ErrorCode.MAX_TURNS),
        ("a new one", ErrorCode.PROTOCOL),
        (["end_turn"], ErrorCode.PROTOCOL),
        (None, ErrorCode.PROTOCOL),
    ],
)
def test_an_end_that_nobody_asked_for_is_a_failure(prompted, reason, code):
    assert end(prompted.answers(3, {"stopReason": reason})).error.code is code


def test_the_agents_own_limit_is_ours_where_one_was_given(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RunSpec("agent", "hello", "/work", max_turns=7))
    agent.answers(2, {"sessionId": "s"})
    done = end(agent.answers(3, {"stopReason": "max_turn_requests"}))
    assert (done.stop_reason, done.error.code) == (StopReason.MAX_TURNS, ErrorCode.MAX_TURNS)
    assert "all 7 turns" in done.error.message


def test_an_agent_may_tell_usage_and_that_its_good_end_is_none():
    lost = Quirks(CURES, usage=lambda _: Usage(3, 4), unfinished=lambda _: None)
    agent = Agent(lost)
    agent.dialogue.begin("t", SPEC)
    agent.answers(1, READY)
    agent.answers(2, {"sessionId": "s"})
    said = outputs(agent.answers(3, {"stopReason": "end_turn"}))
    assert said == [UsageReported(Usage(3, 4)), TurnDone(StopReason.END_TURN)]


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


def test_an_agent_that_fails_its_handshake_takes_no_turns(agent):
    agent.fails(1, code=-32603, message="no")
    assert agent.dialogue.fit(SPEC) is None


@pytest.mark.parametrize("result", [{"protocolVersion": 2}, {}])
def test_an_agent_of_another_protocol_takes_no_turns(agent, result):
    agent.dialogue.begin("t", SPEC)
    assert end(agent.answers(1, result)).error.code is ErrorCode.PROTOCOL
    assert agent.dialogue.fit(SPEC) is None


def test_a_conversation_without_an_id_is_a_failure(agent):
    agent.dialogue.begin("t", SPEC)
    agent.answers(1, READY)
    assert end(agent.answers(2, {})).error.code is ErrorCode.PROTOCOL


def test_a_conversation_is_loaded_and_then_prompted(agent):
    agent.answers(1, READY)
    agent.dialogue.begin("t", RESUMED)
    load = {"sessionId": UUID, "cwd": "/work", "mcpServers": []}
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
    live = RunSpec("agent", "more", "/work", resume="s")
    assert (prompted.dialogue.fit(live), prompted.dialogue.fit(SPEC)) == (Start.LIVE, Start.WARM)
    prompted.dialogue.begin("u", live)
    assert [message["params"]["sessionId"] for message in prompted.sent()] == ["s"]
    assert outputs(prompted.writes("x")) == [SessionBound("s"), TextDelta("text-0", "x")]


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
    with pytest.raises(AssertionError, match="busy or gone"):
        agent.dialogue.begin("u", RESUMED)


def test_a_new_conversation_is_busy_by_its_name_too(prompted):
    assert prompted.dialogue.fit(RunSpec("agent", "more", "/work", resume="s")) is None


def test_a_prompt_is_cancelled_by_protocol(prompted):
    assert prompted.dialogue.interrupt("another") is False
    assert prompted.dialogue.interrupt("t") is True
    assert prompted.sent() == [{"method": "session/cancel", "params": {"sessionId": "s"}}]
    assert end(prompted.answers(3, {"stopReason": "cancelled"})) == TurnDone()


def test_an_ask_that_waits_is_told_of_the_cancelling(prompted):
    ask(prompted)
    prompted.dialogue.interrupt("t")
    assert prompted.sent()[1:] == [{"id": 0, "result": {"outcome": {"outcome": "cancelled"}}}]
    prompted.dialogue.answer("t", "0", Verdict(True, "too late"))
    ask(prompted, request=1)
    assert prompted.sent() == [{"id": 1, "result": {"outcome": {"outcome": "cancelled"}}}]


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


def ask(agent, request=0, kind="execute", options=("allow_once", "reject_once"), **call):
    offered = [{"optionId": option.upper(), "name": option, "kind": option} for option in options]
    tool = {"toolCallId": "c", "title": "rm", "kind": kind, **call}
    params = {"sessionId": "s", "options": offered, "toolCall": tool}
    return agent.says({"id": request, "method": "session/request_permission", "params": params})


@pytest.mark.parametrize("method", ["fs/read_text_file", "fs/write_text_file", "terminal/create", "new/one"])
def test_what_we_do_not_offer_is_refused_at_once(prompted, method):
    assert prompted.says({"id": 5, "method": method, "params": {"sessionId": "s"}}) == []
    (refusal,) = prompted.sent()
    assert (refusal["id"], refusal["error"]["code"]) == (5, -32601)


@pytest.mark.parametrize(
    "params",
    [
        {"sessionId": "s"},
        {"sessionId": "s", "toolCall": {"toolCallId": 1}},
        {"sessionId": "s", "toolCall": {"toolCallId": "c"}, "options": "all"},
        {"sessionId": "s", "toolCall": {"toolCallId": "c", "locations": [{"path": 1}]}, "options": []},
    ],
)
def test_an_ask_that_makes_no_sense_is_refused_and_told(prompted, params):
    said = prompted.says({"id": 5, "method": "session/request_permission", "params": params})
    assert [type(one.output) for one in said] == [Notice]
    (refusal,) = prompted.sent()
    assert (refusal["id"], refusal["error"]["code"]) == (5, -32602)


def test_an_ask_of_an_unknown_conversation_is_cancelled(prompted):
    prompted.says({"id": 5, "method": "session/request_permission", "params": {"sessionId": "x"}})
    assert prompted.sent() == [{"id": 5, "result": {"outcome": {"outcome": "cancelled"}}}]


def test_an_extension_of_the_protocol_is_nobodys_business(prompted):
    assert prompted.says({"method": "_agent/status", "params": {}}) == []


@pytest.mark.parametrize(
    "message",
    [
        {"method": "session/something", "params": {"sessionId": "s"}},
        {"method": "session/update", "params": {"sessionId": "s"}},
        {"method": "session/update", "params": {"sessionId": 1, "update": {}}},
        {"method": "session/update", "params": {"sessionId": "s", "update": {"sessionUpdate": "novelty"}}},
        {"method": "session/update", "params": {"sessionId": "s", "update": {}}},
    ],
)
def test_a_message_nobody_understands_is_a_notice(prompted, message):
    assert [type(one.output) for one in prompted.says(message)] == [Notice]


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


def test_at_the_exit_open_blocks_are_closed_and_no_end_is_invented(prompted):
    prompted.writes("x")
    rest = json.dumps({"method": "session/update", "params": {"sessionId": "s", "update": TOOL}}).encode()
    assert prompted.dialogue.receive(rest) == []
    assert outputs(prompted.dialogue.exited(Exit(1))) == [
        TextDone("text-0", 1, "x"),
        ToolStarted("c", "read", "a"),
    ]
    assert prompted.dialogue.fit(SPEC) is None
    assert prompted.dialogue.exited(Exit(1)) == []


TOOL = {"sessionUpdate": "tool_call", "toolCallId": "c", "title": "a", "kind": "read", "status": "pending"}
ERROR = RunError(ErrorCode.NOT_AUTHENTICATED, "Log in")
