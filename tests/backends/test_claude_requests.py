"""What claude asks leave for, and that each of its requests is answered."""

import pytest

from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import ApprovalAsked, Notice, ToolDone, ToolStarted
from clinvk.domain.spec import ApprovalMode, SandboxMode
from tests.backends.claude_talk import (
    INIT,
    RESULT,
    UUID,
    WORKDIR,
    heard,
    hook_ask,
    prompt_ask,
    prompted,
    replied,
    requested,
    sent,
    spec,
    tool_result,
    tool_use,
)

ALLOW, DENY = Verdict(True, "fine"), Verdict(False, "nobody is there")


@pytest.mark.parametrize(
    ("verdict", "response"),
    [
        (ALLOW, {"behavior": "allow", "updatedInput": {"file_path": "/a"}}),
        (DENY, {"behavior": "deny", "message": "nobody is there"}),
    ],
)
def test_a_permission_prompt_is_an_ask_and_answered_once(verdict, response):
    dialogue = prompted()
    assert heard(dialogue, prompt_ask()) == [ApprovalAsked("r", "Write", "edit", ("/a",), "/a")]
    for turn, ask in [("another", "r"), ("t", "unknown"), ("t", "r"), ("t", "r")]:
        dialogue.answer(turn, ask, verdict)
    assert replied(dialogue) == [{"subtype": "success", "request_id": "r", "response": response}]


def test_an_ask_that_was_withdrawn_is_not_answered():
    dialogue = prompted()
    heard(dialogue, prompt_ask(), {"type": "control_cancel_request", "request_id": "r"})
    dialogue.answer("t", "r", ALLOW)
    assert sent(dialogue) == []
    assert heard(dialogue, {"type": "control_cancel_request", "request_id": "r"}) == []


def test_an_ask_of_a_turn_that_is_over_is_not_answered():
    dialogue = prompted()
    heard(dialogue, INIT, prompt_ask(), RESULT)
    dialogue.begin("t", spec(resume=UUID))
    dialogue.outgoing()
    dialogue.answer("t", "r", ALLOW)
    assert sent(dialogue) == []


REFUSED = {"subtype": "error", "request_id": "r", "error": "clinvk does not offer this"}


@pytest.mark.parametrize("request_", [{"subtype": "elicitation"}, {"subtype": []}, {}, None, "a word"])
def test_any_other_request_is_refused_at_once(request_):
    dialogue = prompted()
    assert heard(dialogue, {"type": "control_request", "request_id": "r", "request": request_}) == []
    assert replied(dialogue) == [REFUSED]


def test_a_prompt_that_makes_no_sense_is_refused_and_told():
    dialogue = prompted()
    assert isinstance(heard(dialogue, prompt_ask(tool_name=None))[0], Notice)
    assert replied(dialogue) == [REFUSED]


def test_a_prompt_after_the_turn_is_refused():
    dialogue = prompted()
    heard(dialogue, RESULT)
    assert heard(dialogue, prompt_ask()) == []
    assert replied(dialogue) == [REFUSED]


def decision(dialogue):
    (reply,) = replied(dialogue)
    assert (reply["subtype"], reply["request_id"]) == ("success", "h")
    return reply["response"].get("hookSpecificOutput", {})


def denied(why):
    return {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": why}


UNKNOWN = denied("clinvk does not know what this is for")


def test_a_forbidden_tool_is_asked_for_and_denied_before_it_is_used():
    dialogue = prompted(spec(sandbox_mode=SandboxMode.READ_ONLY, approval_mode=ApprovalMode.NONE))
    assert heard(dialogue, hook_ask("Bash", command="ls")) == [
        ApprovalAsked("h", "Bash", "execute", (), "ls", vetting=True)
    ]
    assert sent(dialogue) == []
    dialogue.answer("t", "h", DENY)
    assert decision(dialogue) == denied("nobody is there")


def test_the_denial_of_a_forbidden_tool_is_no_news():
    dialogue = prompted(spec(approval_mode=ApprovalMode.ALWAYS))
    heard(dialogue, hook_ask("Read", file_path="/a"))
    end = RESULT | {"permission_denials": [{"tool_name": "Read", "tool_use_id": "1"}]}
    assert not [one for one in heard(dialogue, end) if isinstance(one, Notice)]


def test_a_vetted_tool_may_be_allowed():
    dialogue = prompted(spec(approval_mode=ApprovalMode.ALWAYS))
    heard(dialogue, hook_ask("Read", file_path="/a"))
    dialogue.answer("t", "h", ALLOW)
    assert decision(dialogue) == {}, "and claude's own rules are next"


def test_what_no_mode_forbids_is_left_to_claudes_own_rules():
    dialogue = prompted(spec(sandbox_mode=SandboxMode.READ_ONLY))
    assert heard(dialogue, hook_ask("Read", file_path=f"{WORKDIR}/a")) == []
    assert decision(dialogue) == {}


@pytest.mark.parametrize("given", [None, {}, {"tool_name": 1}])
def test_a_hook_that_makes_no_sense_is_a_denial(given):
    dialogue = prompted(spec(approval_mode=ApprovalMode.ALWAYS))
    message = hook_ask("Bash")
    message["request"]["input"] = given
    assert heard(dialogue, message) == []
    assert decision(dialogue) == UNKNOWN


def test_a_hook_after_the_turn_is_a_denial():
    dialogue = prompted()
    heard(dialogue, RESULT)
    assert heard(dialogue, hook_ask("Read")) == []
    assert decision(dialogue) == UNKNOWN


def test_a_tool_that_was_used_unvetted_ends_the_turn():
    dialogue = prompted(spec(sandbox_mode=SandboxMode.READ_ONLY))
    started, ended, done = heard(dialogue, tool_use(), tool_result())
    assert (type(started), type(ended)) == (ToolStarted, ToolDone)
    words = "claude used a tool without asking, though the run's modes demand it; it may be too old or too new for"
    assert done.error == RunError(ErrorCode.PROTOCOL, f"{words} clinvk")
    assert requested(dialogue) == [{"subtype": "interrupt"}]
    assert heard(dialogue, RESULT) == []


def test_a_tool_that_failed_unvetted_or_was_vetted_is_no_breach():
    dialogue = prompted(spec(sandbox_mode=SandboxMode.READ_ONLY))
    failed = heard(dialogue, tool_use("2"), tool_result("2", is_error=True))
    passed = heard(dialogue, hook_ask("Read"), tool_use("1", "Read"), tool_result("1"))
    assert [type(one) for one in failed + passed] == [ToolStarted, ToolDone] * 2
