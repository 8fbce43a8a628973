"""The protocol of codex's app-server: conversations, turns, asks, failures."""

import json
from dataclasses import replace

import pytest

from clinvk.backends.codex.backend import CodexBackend
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode
from clinvk.domain.events import (
    ApprovalAsked,
    Notice,
    ReasoningDelta,
    SessionBound,
    TextDelta,
    TextDone,
    TextDropped,
    ToolDone,
    ToolStarted,
    TurnDone,
    UsageReported,
)
from clinvk.domain.run import Exit, Start, StopReason
from clinvk.domain.spec import ApprovalMode, RunSpec
from clinvk.domain.usage import Usage

THREAD = "01a1fcef-346a-7553-9c94-c05afefcea9b"
NATIVE = "01a1fcef-3486-7ab0-934d-2c2af2f99e22"
SPEC = RunSpec("codex", "hello", "/home/dev/project")
HERE = {"threadId": THREAD, "turnId": NATIVE}
OPENED = {"thread": {"id": THREAD}, "sandbox": {"type": "readOnly"}}
NO_ACCOUNT_NEEDED = {"account": None, "requiresOpenaiAuth": False}


class Talk:
    """A dialogue and the other side of it: what is said, and what it wrote."""

    def __init__(self, spec=SPEC):
        self.spec = spec
        self.dialogue = CodexBackend().dialogue(spec)

    def hear(self, *messages):
        data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
        return [said.output for said in self.dialogue.receive(data)]

    def tell(self, method, **params):
        return self.hear({"method": method, "params": params})

    def here(self, method, **params):
        return self.tell(method, **HERE, **params)

    def written(self):
        return [json.loads(line) for line in self.dialogue.outgoing().data.splitlines()]

    def reply(self, result=None, **message):
        """Answer the request written last."""
        request = self.written()[-1]["id"]
        return self.hear({"id": request} | ({"result": result} if result is not None else message))

    def open(self):
        self.dialogue.open()
        self.dialogue.begin("turn", self.spec)
        self.reply({})
        self.reply(NO_ACCOUNT_NEEDED)
        return self

    def bound(self):
        self.open()
        assert self.reply(OPENED) == [SessionBound(THREAD)]
        return self

    def started(self):
        self.bound()
        assert self.reply({"turn": {"id": NATIVE}}) == []
        return self

    def item(self, event, **item):
        return self.here(f"item/{event}", item=item)

    def used(self, **last):
        return self.here("thread/tokenUsage/updated", tokenUsage={"last": {"inputTokens": 10, **last}})

    def completed(self, status="completed", **turn):
        return self.tell("turn/completed", threadId=THREAD, turn={"id": NATIVE, "status": status, **turn})

    def failed(self, message, info=None, **turn):
        (done,) = self.completed("failed", error={"message": message, "codexErrorInfo": info}, **turn)
        return done.error

    def retry(self, message, **error):
        return self.here("error", error={"message": message, **error}, willRetry=True)


def command_started(talk, tool="call_1"):
    return talk.item("started", type="commandExecution", id=tool, command="ls", status="inProgress")


def command_done(talk, tool="call_1", code=0, status="completed"):
    return talk.item(
        "completed",
        type="commandExecution",
        id=tool,
        command="ls",
        status=status,
        exitCode=code,
        aggregatedOutput="a\n",
    )


def stopped(talk):
    return [message["params"] for message in talk.written() if message["method"] == "turn/interrupt"]


# The way to a turn


def test_each_step_waits_for_the_one_before():
    talk = Talk()
    talk.dialogue.open()
    talk.dialogue.begin("turn", SPEC)
    steps = []
    for answer in ({}, NO_ACCOUNT_NEEDED, OPENED, {"turn": {"id": NATIVE}}):
        written = talk.written()
        steps += [message["method"] for message in written]
        talk.hear({"id": written[-1]["id"], "result": answer})
    assert steps == ["initialize", "initialized", "account/read", "thread/start", "turn/start"]


def test_a_turn_that_comes_when_it_is_ready_begins_at_once():
    talk = Talk()
    talk.dialogue.open()
    assert talk.reply({}) == []
    talk.written()
    talk.dialogue.begin("turn", SPEC)
    assert [message["method"] for message in talk.written()] == ["account/read"]


def test_it_takes_one_turn_at_a_time_until_it_is_gone():
    talk = Talk()
    assert talk.dialogue.fit(SPEC) is Start.WARM
    talk.started()
    assert talk.dialogue.fit(SPEC) is None
    talk.completed()
    assert talk.dialogue.fit(SPEC) is Start.WARM
    talk.dialogue.exited(Exit(0))
    assert talk.dialogue.fit(SPEC) is None


@pytest.mark.parametrize("begun", [True, False])
def test_a_refused_handshake_is_told(begun):
    talk = Talk()
    talk.dialogue.open()
    if begun:
        talk.dialogue.begin("turn", SPEC)
    (said,) = talk.reply(error={"message": "too old"})
    assert (said.error.message if begun else said.message) == "codex refused the handshake: too old"


def test_without_a_login_no_prompt_is_sent():
    talk = Talk()
    talk.dialogue.open()
    talk.dialogue.begin("turn", SPEC)
    talk.reply({})
    (done,) = talk.reply({"account": None, "requiresOpenaiAuth": True})
    assert done.error.code is ErrorCode.NOT_AUTHENTICATED
    assert talk.written() == []


@pytest.mark.parametrize(
    "answer",
    [{"result": {"account": {"type": "apiKey"}, "requiresOpenaiAuth": True}}, {"error": {"message": "what?"}}],
)
def test_with_a_login_or_no_word_of_it_the_conversation_is_opened(answer):
    talk = Talk()
    talk.dialogue.open()
    talk.dialogue.begin("turn", SPEC)
    talk.reply({})
    assert talk.reply(**answer) == []
    assert talk.written()[0]["method"] == "thread/start"


@pytest.mark.parametrize("message", ["no rollout found for thread id x", "invalid session id: foo"])
def test_a_lost_conversation_is_told_before_the_prompt_is_sent(message):
    talk = Talk(replace(SPEC, resume=THREAD)).open()
    (done,) = talk.reply(error={"code": -32600, "message": message})
    assert done.error.code is ErrorCode.RESUME_FAILED
    assert talk.written() == []


def test_another_conversation_than_asked_for_is_a_lost_one():
    (done,) = Talk(replace(SPEC, resume=NATIVE)).open().reply(OPENED)
    assert done.error.code is ErrorCode.RESUME_FAILED


@pytest.mark.parametrize("answer", [{"error": {"message": "busy"}}, {"result": {}}, {"error": {"message": 1}}])
@pytest.mark.parametrize("resume", [THREAD, None])
def test_a_conversation_that_does_not_open_fails_the_turn(answer, resume):
    (done,) = Talk(replace(SPEC, resume=resume)).open().reply(**answer)
    assert done.error.code is ErrorCode.BACKEND_FAILED


@pytest.mark.parametrize("answer", [{"error": {"message": "no"}}, {"result": {"turn": {}}}])
def test_a_turn_that_does_not_begin_fails(answer):
    (done,) = Talk().bound().reply(**answer)
    assert done.error.message.startswith("codex could not begin the turn")


def test_auto_asks_before_everything_where_there_is_no_sandbox():
    spec = replace(SPEC, approval_mode=ApprovalMode.AUTO)
    talk = Talk(spec).open()
    talk.reply({"thread": {"id": THREAD}, "sandbox": {"type": "dangerFullAccess"}})
    assert talk.written()[0]["params"]["approvalPolicy"] == "untrusted"


# Stopping


def test_a_stop_is_remembered_until_the_turn_has_a_name():
    talk = Talk().bound()
    assert talk.dialogue.interrupt("turn")
    request = talk.written()[0]["id"]
    talk.tell("turn/started", threadId=THREAD, turn={"id": NATIVE})
    assert stopped(talk) == [HERE]
    assert talk.hear({"id": request, "result": {"turn": {"id": NATIVE}}}) == []
    assert talk.written() == []
    (done,) = talk.completed("interrupted")
    assert done.error.message == "The turn was interrupted; send it again"


def test_a_stop_before_the_conversation_is_open_sends_no_prompt():
    talk = Talk().open()
    talk.dialogue.interrupt("turn")
    bound, done = talk.reply(OPENED)
    assert (bound, done.error.code) == (SessionBound(THREAD), ErrorCode.BACKEND_FAILED)
    assert talk.written() == []


def test_a_stop_in_the_middle_is_asked_for_and_its_answer_says_nothing():
    talk = Talk().started()
    assert talk.dialogue.interrupt("turn")
    assert talk.reply({}) == []
    assert not talk.dialogue.interrupt("another")
    talk.completed("interrupted")
    assert not talk.dialogue.interrupt("turn")


def test_answers_that_come_after_the_turns_end_begin_nothing():
    for steps in (1, 2, 3):
        talk = Talk()
        talk.dialogue.open()
        talk.dialogue.begin("turn", SPEC)
        for answer in ({}, NO_ACCOUNT_NEEDED, OPENED)[:steps]:
            talk.reply(answer)
        late = talk.written()[-1]["id"]
        talk.dialogue.exited(Exit(0))
        assert talk.hear({"id": late, "result": {}}) == []
        assert talk.written() == []


# Text, reasoning, tools


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


# Usage and the limit of turns


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
    assert stopped(talk) == [HERE]
    assert talk.completed("interrupted") == []


def test_the_limit_waits_for_a_tool_whose_end_is_told_a_moment_later():
    talk = limited()
    command_started(talk)
    command_started(talk, "call_2")
    assert len(talk.used()) == 1
    assert command_done(talk) == [ToolDone("call_1", True, "a\n")]
    assert isinstance(command_done(talk, "call_2")[-1], TurnDone)


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


# Asks


def ask(talk, kind, request=0, **params):
    return talk.hear({"id": request, "method": f"item/{kind}/requestApproval", "params": {**HERE, **params}})


@pytest.mark.parametrize(("allowed", "decision"), [(True, "accept"), (False, "decline")])
def test_a_command_is_asked_for_and_answered(allowed, decision):
    talk = Talk().started()
    assert ask(talk, "commandExecution", command="ls") == [ApprovalAsked("ask-0", "shell", "execute", (), "ls")]
    talk.written()
    talk.dialogue.answer("turn", "ask-9", Verdict(True, ""))
    talk.dialogue.answer("another", "ask-0", Verdict(True, ""))
    talk.dialogue.answer("turn", "ask-0", Verdict(allowed, ""))
    talk.dialogue.answer("turn", "ask-0", Verdict(True, ""))
    assert talk.written() == [{"id": 0, "result": {"decision": decision}}]


def test_a_change_names_the_files_that_it_was_begun_with():
    talk = Talk().started()
    changes = [
        {"path": "/a", "kind": {"type": "add"}},
        {"path": "/b", "kind": {"type": "update", "move_path": "/c"}},
        {"path": "/d"},
    ]
    talk.item("started", type="fileChange", id="f", changes=changes)
    (asked,) = ask(talk, "fileChange", itemId="f", reason="why")
    assert asked == ApprovalAsked("ask-0", "apply_patch", "edit", ("/a", "/b", "/c", "/d"), "why")
    assert ask(talk, "fileChange", 1, itemId="g")[0].paths == ()
    assert ask(talk, "fileChange", 2)[0].paths == ()


@pytest.mark.parametrize("changes", [None, ["x"], [{"path": 1}]])
def test_a_change_of_no_known_shape_is_a_notice(changes):
    (said,) = Talk().started().item("started", type="fileChange", id="f", changes=changes)
    assert isinstance(said, Notice)


def test_an_ask_of_another_agent_is_declined_at_once():
    talk = Talk()
    talk.dialogue.open()
    talk.written()
    assert ask(talk, "commandExecution") == []
    assert talk.written() == [{"id": 0, "result": {"decision": "decline"}}]
    talk = Talk().started()
    talk.written()
    for elsewhere in ({"threadId": "other"}, {"turnId": "older"}):
        assert ask(talk, "commandExecution", **elsewhere) == []
        assert talk.written() == [{"id": 0, "result": {"decision": "decline"}}]


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("item/permissions/requestApproval", {"permissions": {}, "scope": "turn"}),
        ("item/tool/requestUserInput", {"answers": {}}),
        ("item/tool/call", {"contentItems": [], "success": False}),
        ("mcpServer/elicitation/request", {"action": "decline", "content": None, "_meta": None}),
    ],
)
@pytest.mark.parametrize("talk", [Talk(), Talk().started()], ids=["idle", "busy"])
def test_what_only_a_person_could_answer_is_declined_and_told(talk, method, result):
    talk.written()
    (said,) = talk.hear({"id": 4, "method": method, "params": HERE})
    assert said == Notice(f"clinvk declined what codex asked: {method}")
    assert talk.written() == [{"id": 4, "result": result}]


def test_any_other_request_is_refused():
    talk = Talk().started()
    talk.written()
    assert talk.hear({"id": 5, "method": "account/chatgptAuthTokens/refresh", "params": {}}) == []
    assert talk.written()[0]["error"]["code"] == -32601


# Failures and notices


def test_a_retry_drops_what_the_broken_answer_said():
    talk = Talk().started()
    talk.here("item/agentMessage/delta", itemId="m", delta="he")
    said = talk.retry("Reconnecting... 1/5", additionalDetails="network error")
    assert said == [TextDropped("m"), Notice("codex tries again: Reconnecting... 1/5: network error")]
    assert talk.completed() == [TurnDone(StopReason.END_TURN)]


def test_a_retry_that_repeats_itself_has_no_end_and_is_ended():
    talk = Talk().started()
    waiting = {"message": "Reconnecting... waiting for network", "additionalDetails": "error sending request"}
    assert [type(said) for _ in range(2) for said in talk.retry(**waiting)] == [Notice, Notice]
    (done,) = talk.retry(**waiting)
    assert done.error.code is ErrorCode.NETWORK
    assert stopped(talk) == [HERE]


def test_numbered_retries_and_those_after_progress_are_borne():
    talk = Talk().started()
    said = [each for number in range(5) for each in talk.retry(f"Reconnecting... {number}/5")]
    said += [*talk.retry("again"), *talk.retry("again")]
    talk.used()
    said += [*talk.retry("again"), *talk.retry("again")]
    assert {type(each) for each in said} == {Notice}


def test_a_failure_is_told_once_by_the_turns_end():
    talk = Talk().started()
    assert talk.here("error", error={"message": "no"}, willRetry=False) == []
    assert talk.failed("no").code is ErrorCode.BACKEND_FAILED


def test_the_token_limit_is_no_failure():
    talk = Talk().started()
    error = {"message": "Incomplete response returned, reason: max_output_tokens", "codexErrorInfo": "other"}
    assert talk.completed("failed", error=error) == [TurnDone(StopReason.MAX_TOKENS)]


def test_a_turn_that_fails_without_a_word_fails():
    (done,) = Talk().started().completed("failed", error=None)
    assert done.error.message == "codex failed and did not say why"


@pytest.mark.parametrize(
    ("limits", "completed", "expected"),
    [
        (
            {"primary": {"usedPercent": 100, "resetsAt": 1060}, "secondary": {"usedPercent": 5, "resetsAt": 9000}},
            1000,
            60,
        ),
        ({"primary": {"usedPercent": 100, "resetsAt": 1060}, "secondary": None}, None, None),
        ({"primary": {"usedPercent": 50, "resetsAt": 1060}}, 1000, None),
        ({"primary": {"usedPercent": 100, "resetsAt": 900}}, 1000, None),
        (None, 1000, None),
    ],
)
def test_a_usage_limit_tells_when_it_is_lifted(limits, completed, expected):
    talk = Talk().started()
    assert talk.tell("account/rateLimits/updated", rateLimits=limits) == []
    error = talk.failed("limit", "usageLimitExceeded", completedAt=completed)
    assert (error.code, error.retry_after_secs) == (ErrorCode.USAGE_LIMIT, expected)


def test_warnings_are_notices():
    talk = Talk().started()
    assert talk.tell("warning", threadId=THREAD, message="mind") == [Notice("mind")]
    assert talk.here("model/rerouted", fromModel="a", toModel="b") == [Notice("The model b answers instead of a")]
    assert talk.tell("configWarning", summary="Invalid", details="line 1") == [Notice("Invalid: line 1")]
    assert talk.tell("configWarning", summary="No bubblewrap on PATH", details=None) == []


def test_what_codex_learns_to_say_later_is_a_notice():
    talk = Talk().started()
    assert talk.tell("news/arrived") == [Notice("codex wrote of something unknown: news/arrived")]
    assert talk.tell("thread/news", threadId=THREAD) == []
    assert isinstance(talk.here("thread/tokenUsage/updated", tokenUsage=None)[0], Notice)


def test_at_the_exit_what_was_left_unsaid_is_said():
    talk = Talk().started()
    talk.here("item/agentMessage/delta", itemId="m", delta="he")
    talk.dialogue.receive(b"half a line")
    said = [each.output for each in talk.dialogue.exited(Exit(1))]
    assert said == [Notice("The CLI wrote: half a line"), TextDone("m", 2, "he")]
    assert talk.dialogue.exited(Exit(1)) == []
