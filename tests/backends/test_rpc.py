"""JSON-RPC in lines: every request of theirs is answered, every answer to ours is heard once."""

import json

import pytest

from clinvk.backends.base import Said
from clinvk.backends.json_lines import Malformed
from clinvk.backends.rpc import Peer, Reply
from clinvk.domain.errors import LineTooLong
from clinvk.domain.events import Notice


def told(method, params):
    if method == "bad":
        raise Malformed("params")
    return [Said(None, Notice(f"{method} {params}"))]


def asked(request, method, params):
    return [Said(None, Notice(f"{request} {method} {params}"))] if method == "known" else None


@pytest.fixture
def peer():
    return Peer(told, asked)


def line(**message):
    return json.dumps(message).encode() + b"\n"


def written(peer):
    return [json.loads(each) for each in peer.outgoing().data.splitlines()]


def words(said):
    return [each.output.message for each in said]


def test_requests_are_numbered_and_each_answer_reaches_its_own(peer):
    heard = []
    for name in ("a", "b"):
        peer.call(name, {"p": 1}, lambda reply, name=name: heard.append((name, reply)) or [])
    assert written(peer) == [
        {"id": 1, "method": "a", "params": {"p": 1}},
        {"id": 2, "method": "b", "params": {"p": 1}},
    ]
    peer.receive(line(id=2, result={"x": 1}) + line(id=1, error={"message": "no"}))
    assert heard == [("b", Reply({"x": 1})), ("a", Reply({}, {"message": "no"}))]


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ({"result": None}, Reply({})),
        ({"result": [1]}, Reply({})),
        ({"error": "words"}, Reply({}, {})),
        ({"result": {}, "error": None}, Reply({})),
    ],
)
def test_an_answer_of_another_shape_is_an_empty_one(peer, answer, reply):
    heard = []
    peer.call("a", {}, lambda each: heard.append(each) or [])
    assert peer.receive(line(id=1, **answer)) == []
    assert heard == [reply]


@pytest.mark.parametrize("message", [{"id": 1, "result": {}}, {"result": {}}, {}, {"id": None}])
def test_an_answer_to_nothing_is_a_notice(peer, message):
    assert words(peer.receive(line(**message))) == [f"The CLI wrote: {json.dumps(message)}"]


def test_an_answer_is_heard_once(peer):
    peer.call("a", {}, lambda _: [])
    assert peer.receive(line(id=1, result={})) == []
    assert len(peer.receive(line(id=1, result={}))) == 1


def test_an_answer_with_neither_result_nor_error_is_a_notice(peer):
    heard = []
    peer.call("a", {}, lambda reply: heard.append(reply) or [])
    assert words(peer.receive(line(id=1))) == ['The CLI wrote: {"id": 1}']
    assert heard == []


def test_notifications_go_both_ways(peer):
    assert words(peer.receive(line(method="news", params={"a": 1}) + line(method="news"))) == [
        "news {'a': 1}",
        "news {}",
    ]
    peer.notify("initialized")
    peer.notify("cancel", {"a": 1})
    assert written(peer) == [{"method": "initialized"}, {"method": "cancel", "params": {"a": 1}}]


@pytest.mark.parametrize("request_id", [0, "seven"])
def test_their_request_is_answered_or_refused(peer, request_id):
    assert words(peer.receive(line(id=request_id, method="known", params={}))) == [f"{request_id} known {{}}"]
    assert written(peer) == []
    peer.reply(request_id, {"ok": 1})
    assert peer.receive(line(id=request_id, method="unknown")) == []
    error = {"code": -32601, "message": "clinvk does not offer 'unknown'"}
    assert written(peer) == [{"id": request_id, "result": {"ok": 1}}, {"id": request_id, "error": error}]


@pytest.mark.parametrize(
    "message",
    [
        {"method": "bad"},
        {"method": "news", "params": [1]},
        {"method": "news", "id": True},
        {"method": "news", "id": 1.5},
        {"id": [1], "result": {}},
    ],
)
def test_what_cannot_be_understood_is_a_notice(peer, message):
    assert words(peer.receive(line(**message)))[0].startswith("The CLI wrote: ")
    assert written(peer) == []


def test_nonsense_is_a_notice_and_a_blank_line_nothing(peer):
    assert words(peer.receive(b"nonsense\n\n  \n")) == ["The CLI wrote: nonsense"]


def test_the_last_line_needs_no_end(peer):
    assert peer.receive(b'{"method": "ne') == []
    assert peer.receive(b'ws"}') == []
    assert words(peer.rest()) == ["news {}"]
    assert peer.rest() == []


def test_every_message_of_ours_is_in_its_envelope():
    peer = Peer(told, asked, {"jsonrpc": "2.0"})
    peer.notify("a")
    peer.reply(1, {})
    assert all(message["jsonrpc"] == "2.0" for message in written(peer))


def test_a_line_without_an_end_is_not_kept_for_ever(peer):
    with pytest.raises(LineTooLong):
        peer.receive(b"x" * ((16 << 20) + 1))
