"""The claude child's protocol: the handshake, the prompt, the conversation, the end."""

import json

import pytest

from clinvk.backends.base import Outgoing, Said
from clinvk.backends.claude.dialogue import ClaudeDialogue
from clinvk.domain.errors import ErrorCode, LineTooLong
from clinvk.domain.events import Notice, SessionBound, TextDelta, TextDone, TurnDone, UsageReported
from clinvk.domain.run import Exit, Start, StopReason
from clinvk.domain.spec import ApprovalMode, SandboxMode
from tests.backends.claude_talk import (
    GREETED,
    INIT,
    RESULT,
    UUID,
    fresh,
    heard,
    line,
    prompted,
    requested,
    sent,
    spec,
    tool_result,
    tool_use,
)


def test_it_says_hello_and_sends_the_prompt_once_that_is_answered():
    dialogue = fresh()
    assert sent(dialogue) == [
        {"type": "control_request", "request_id": "hello", "request": {"subtype": "initialize"}}
    ]
    assert heard(dialogue, GREETED, GREETED) == []
    message = {"role": "user", "content": "hello"}
    assert sent(dialogue) == [{"type": "user", "message": message, "parent_tool_use_id": None, "session_id": ""}]
    assert dialogue.outgoing() == Outgoing(b"")


def test_a_child_that_was_greeted_before_its_turn_gets_the_prompt_at_once():
    dialogue = ClaudeDialogue(spec())
    dialogue.open()
    dialogue.receive(line(GREETED))
    dialogue.outgoing()
    dialogue.begin("t", spec())
    assert [one["message"]["content"] for one in sent(dialogue)] == ["hello"]


@pytest.mark.parametrize(
    ("prompt", "content"),
    [
        ("/cost", " /cost"),
        ("/etc/passwd is a file", " /etc/passwd is a file"),
        (" /cost", " /cost"),
        ("x\n/cost", "x\n/cost"),
        ("!ls", "!ls"),
        ("#memory", "#memory"),
        ("@/etc/passwd", "@/etc/passwd"),
        ("--help", "--help"),
        ("h\u00e9\ud800\u2028\x00", "h\u00e9\ud800\u2028\x00"),
        ("", ""),
    ],
)
def test_a_prompt_is_text_and_only_a_leading_slash_gets_a_space(prompt, content):
    dialogue = fresh(spec(prompt))
    dialogue.outgoing()
    heard(dialogue, GREETED)
    assert [one["message"]["content"] for one in sent(dialogue)] == [content]


@pytest.mark.parametrize(
    ("asked", "hello"),
    [
        ({"system_prompt": "s"}, {"appendSystemPrompt": "s"}),
        ({"system_prompt": "s", "replace_system_prompt": True}, {"systemPrompt": "s"}),
        ({"replace_system_prompt": True}, {}),
        ({"system_prompt": ""}, {"appendSystemPrompt": ""}),
    ],
)
def test_system_prompts_go_by_stdin(asked, hello):
    assert requested(fresh(spec(**asked))) == [{"subtype": "initialize", **hello}]


@pytest.mark.parametrize(
    ("asked", "vets"),
    [
        ({}, False),
        ({"approval_mode": ApprovalMode.AUTO}, False),
        ({"approval_mode": ApprovalMode.NONE, "sandbox_mode": SandboxMode.FULL}, False),
        ({"approval_mode": ApprovalMode.ALWAYS}, True),
        ({"sandbox_mode": SandboxMode.READ_ONLY}, True),
        ({"approval_mode": ApprovalMode.NONE, "sandbox_mode": SandboxMode.WORKSPACE}, True),
    ],
)
def test_tools_are_vetted_where_the_users_own_rules_could_allow_too_much(asked, vets):
    hooks = {"hooks": {"PreToolUse": [{"matcher": None, "hookCallbackIds": ["vet"]}]}} if vets else {}
    assert requested(fresh(spec(**asked))) == [{"subtype": "initialize", **hooks}]


@pytest.mark.parametrize(
    ("response", "detail"),
    [({"subtype": "error", "error": "no such\nfield"}, ": no such field"), ({"subtype": "error"}, "")],
)
def test_a_refused_hello_ends_the_turn_unprompted(response, detail):
    dialogue = fresh()
    dialogue.outgoing()
    (done,) = heard(dialogue, {"type": "control_response", "response": {"request_id": "hello", **response}})
    assert (done.error.code, sent(dialogue)) == (ErrorCode.PROTOCOL, [])
    assert done.error.message == f"claude does not let itself be set up{detail}"


@pytest.mark.parametrize("response", [{"request_id": "stop-1", "subtype": "success"}, {"request_id": "other"}])
def test_other_answers_are_not_waited_for(response):
    assert heard(prompted(), {"type": "control_response", "response": response}) == []


def test_a_conversation_is_bound_once_a_turn_and_gone_on_with_in_the_same_child():
    dialogue = prompted()
    assert dialogue.fit(spec()) is None
    assert heard(dialogue, INIT, INIT)[0] == SessionBound(UUID)
    heard(dialogue, RESULT)
    assert (dialogue.fit(spec()), dialogue.fit(spec(resume=UUID))) == (None, Start.LIVE)
    dialogue.begin("t", spec("again", resume=UUID))
    assert [one["message"]["content"] for one in sent(dialogue)] == ["again"]
    assert heard(dialogue, INIT, INIT) == [SessionBound(UUID)]


def test_another_conversation_than_was_asked_for_ends_the_turn():
    dialogue = prompted(spec(resume="another"))
    (done,) = heard(dialogue, INIT)
    assert done.error.code is ErrorCode.RESUME_FAILED
    assert requested(dialogue) == [{"subtype": "interrupt"}]
    assert heard(dialogue, INIT, RESULT) == []


def test_a_lost_conversation_ends_the_turn_before_the_prompt():
    dialogue = fresh(spec(resume=UUID))
    told = {"type": "result", "is_error": True, "errors": ["No conversation found with session ID: x"]}
    used, done = heard(dialogue, told)
    assert isinstance(used, UsageReported)
    assert done.error.code is ErrorCode.RESUME_FAILED
    assert "user" not in {one["type"] for one in sent(dialogue)}


def cost(told):
    answer = {"request_id": "cost", "response": {"session": {"total_cost_usd": told}}}
    return {"type": "control_response", "response": answer}


def test_the_cost_of_a_turn_is_what_it_added_to_the_conversation():
    dialogue = prompted(spec(resume=UUID))
    assert heard(dialogue, cost(0.5)) == []
    used, _ = heard(dialogue, RESULT | {"total_cost_usd": 0.75})
    assert used.usage.cost_usd == 0.25
    dialogue.begin("t", spec(resume=UUID))
    used, _ = heard(dialogue, RESULT | {"total_cost_usd": 1.0})
    assert used.usage.cost_usd == 0.25


def test_a_conversation_gone_on_with_is_asked_for_its_earlier_cost():
    told = [(one["request_id"], one["request"]) for one in sent(fresh(spec(resume=UUID)))]
    assert told == [("hello", {"subtype": "initialize"}), ("cost", {"subtype": "get_usage"})]


@pytest.mark.parametrize("before", [[], [cost(None)], [cost("much")]])
def test_a_cost_is_not_told_where_the_earlier_one_is_not_known(before):
    used, _ = heard(prompted(spec(resume=UUID)), *before, RESULT | {"total_cost_usd": 0.75})[-2:]
    assert used.usage.cost_usd is None


def test_an_interrupt_is_asked_of_a_prompted_turn_only():
    dialogue = fresh()
    dialogue.outgoing()
    assert dialogue.interrupt("t") is False
    heard(dialogue, GREETED)
    dialogue.outgoing()
    assert dialogue.interrupt("another") is False
    assert dialogue.interrupt("t") is True
    assert requested(dialogue) == [{"subtype": "interrupt"}]
    ended = RESULT | {"is_error": True, "subtype": "error_during_execution", "terminal_reason": "aborted_tools"}
    assert heard(dialogue, ended)[-1].error.code is ErrorCode.BACKEND_FAILED
    assert dialogue.interrupt("t") is False


def test_each_interrupt_is_a_request_of_its_own():
    dialogue = prompted()
    dialogue.interrupt("t")
    dialogue.interrupt("t")
    assert [one["request_id"] for one in sent(dialogue)] == ["stop-1", "stop-2"]


@pytest.mark.parametrize(
    "message",
    [
        INIT,
        {"type": "system", "subtype": "status"},
        {"type": "stream_event", "event": {"type": "message_stop"}},
        tool_use(),
        tool_result(),
        RESULT,
        {"type": "keep_alive"},
        {"type": "rate_limit_event"},
    ],
)
def test_a_turn_is_done_once_and_claude_may_talk_on(message):
    dialogue = prompted()
    assert heard(dialogue, RESULT)[-1] == TurnDone(StopReason.END_TURN)
    assert dialogue.receive(line(message)) == []


@pytest.mark.parametrize(
    "data", [b"plain text", b'{"half": ', b'["a", "list"]', b"{}", b'{"type": "news"}', b'{"type": ["result"]}']
)
def test_a_line_nobody_understands_is_a_notice_about_the_child(data):
    dialogue = prompted()
    assert dialogue.receive(data + b"\n") == [Said(None, Notice(f"The CLI wrote: {data.decode()}"))]
    assert heard(dialogue, RESULT)[-1] == TurnDone(StopReason.END_TURN)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "system"},
        {"type": "system", "subtype": "init"},
        {"type": "stream_event"},
        {"type": "assistant"},
        {"type": "user", "message": []},
        {"type": "control_request"},
        {"type": "control_response"},
        {"type": "control_response", "response": {"request_id": 1}},
        {"type": "control_cancel_request"},
    ],
)
def test_a_message_with_a_wrong_field_is_a_notice_of_its_turn(message):
    (notice,) = heard(prompted(), message)
    assert notice == Notice(f"The CLI wrote: {json.dumps(message)}")


def test_a_blank_line_says_nothing():
    assert prompted().receive(b"\n \r\n") == []


def test_a_line_beyond_the_ceiling_is_refused():
    with pytest.raises(LineTooLong):
        prompted().receive(b"x" * ((16 << 20) + 1))


def test_a_busy_child_and_one_that_is_gone_take_no_turn():
    dialogue = ClaudeDialogue(spec())
    assert dialogue.fit(spec()) is Start.WARM
    dialogue.begin("t", spec())
    with pytest.raises(AssertionError, match=r"^the child is busy or gone, or keeps another conversation$"):
        dialogue.begin("u", spec())
    dialogue.exited(Exit(0))
    assert dialogue.fit(spec()) is None


def test_at_the_exit_the_last_line_and_open_blocks_are_told_but_no_end_is_invented():
    dialogue = prompted()
    start = {"type": "message_start", "message": {"id": "m"}}
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}
    heard(dialogue, {"type": "stream_event", "event": start})
    assert dialogue.receive(line({"type": "stream_event", "event": piece})[:-1]) == []
    assert dialogue.exited(Exit(1)) == [Said("t", TextDelta("m:0", "x")), Said("t", TextDone("m:0", 1, "x"))]
    assert dialogue.exited(Exit(1)) == []
