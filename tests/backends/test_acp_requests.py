"""What an ACP agent asks of its client, and what it tells that nobody knows."""

import pytest

from clinvk.domain.approvals import Verdict
from clinvk.domain.events import Notice
from tests.backends.acp_talk import Agent, ask, prompted_agent


@pytest.fixture
def agent():
    return Agent()


@pytest.fixture
def prompted():
    return prompted_agent()


def test_an_ask_that_waits_is_told_of_the_cancelling(prompted):
    ask(prompted)
    prompted.dialogue.interrupt("t")
    assert prompted.sent()[1:] == [{"id": 0, "result": {"outcome": {"outcome": "cancelled"}}}]
    prompted.dialogue.answer("t", "0", Verdict(True, "too late"))
    ask(prompted, request=1)
    assert prompted.sent() == [{"id": 1, "result": {"outcome": {"outcome": "cancelled"}}}]


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
    assert refusal["id"] == 5
    assert refusal["error"] == {"code": -32602, "message": "clinvk does not understand what is asked"}


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
