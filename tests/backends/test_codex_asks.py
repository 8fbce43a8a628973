"""Codex asks for leave: what for, and what it is answered."""

import json

import pytest

from clinvk.backends.base import Said
from clinvk.domain.approvals import Verdict
from clinvk.domain.events import ApprovalAsked, Notice
from tests.backends.codex_talk import HERE, Talk


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
    assert ask(talk, "fileChange", 3, itemId=["f"])[0].paths == ()
    assert ask(talk, "commandExecution", 4, itemId="f")[0].paths == ()


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
@pytest.mark.parametrize("turn", [None, "turn"])
def test_what_only_a_person_could_answer_is_declined_and_told(turn, method, result):
    talk = Talk().started() if turn else Talk()
    talk.written()
    message = json.dumps({"id": 4, "method": method, "params": HERE}).encode()
    said = talk.dialogue.receive(message + b"\n")
    assert said == [Said(turn, Notice(f"clinvk declined what codex asked: {method}"))]
    assert talk.written() == [{"id": 4, "result": result}]


def test_any_other_request_is_refused():
    talk = Talk().started()
    talk.written()
    assert talk.hear({"id": 5, "method": "account/chatgptAuthTokens/refresh", "params": {}}) == []
    assert talk.written()[0]["error"]["code"] == -32601
