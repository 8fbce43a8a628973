"""The protocol of codex's app-server: the way to a turn, and how it is stopped."""

from dataclasses import replace

import pytest

from clinvk.backends.codex import command
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import Notice, SessionBound, TurnDone
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import ApprovalMode
from tests.backends.codex_talk import HERE, NATIVE, NO_ACCOUNT_NEEDED, OPENED, SPEC, THREAD, Talk, stopped


def test_each_step_waits_for_the_one_before():
    talk = Talk()
    talk.dialogue.open()
    talk.dialogue.begin("turn", SPEC)
    steps = []
    for answer in ({}, NO_ACCOUNT_NEEDED, OPENED, {"turn": {"id": NATIVE}}):
        written = talk.written()
        steps += [(message["method"], message.get("params")) for message in written]
        talk.hear({"id": written[-1]["id"], "result": answer})
    assert steps == [
        ("initialize", {"clientInfo": {"name": "clinvk", "title": "clinvk", "version": "0.1.0"}}),
        ("initialized", None),
        ("account/read", {}),
        command.thread(SPEC),
        ("turn/start", command.turn(SPEC, THREAD, False)),
    ]


def test_a_turn_that_comes_when_it_is_ready_begins_at_once():
    talk = Talk()
    talk.dialogue.open()
    assert talk.reply({}) == []
    assert talk.reply(NO_ACCOUNT_NEEDED) == []
    talk.written()
    talk.dialogue.begin("turn", SPEC)
    assert [message["method"] for message in talk.written()] == ["thread/start"]


def test_it_takes_one_turn_at_a_time_until_it_is_gone():
    talk = Talk()
    assert talk.dialogue.fit(SPEC) is Start.WARM
    talk.started()
    assert talk.dialogue.fit(SPEC) is None
    with pytest.raises(AssertionError, match=r"^the child is busy or gone$"):
        talk.dialogue.begin("another", SPEC)
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
    words = "codex refused the handshake: too old"
    assert said == (TurnDone(error=RunError(ErrorCode.PROTOCOL, words)) if begun else Notice(words))


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
    busy = ": busy" if answer == {"error": {"message": "busy"}} else ""
    assert done.error.message == f"codex could not open the conversation{busy}"


@pytest.mark.parametrize("answer", [{"error": {"message": "no"}}, {"result": {"turn": {}}}])
def test_a_turn_that_does_not_begin_fails(answer):
    (done,) = Talk().bound().reply(**answer)
    assert done.error.code is ErrorCode.BACKEND_FAILED
    assert done.error.message.startswith("codex could not begin the turn")


@pytest.mark.parametrize("sandbox", [{}, {"sandbox": None}])
def test_the_turn_is_begun_in_the_conversation_that_was_opened(sandbox):
    talk = Talk().open()
    assert talk.reply({"thread": {"id": THREAD}, **sandbox}) == [SessionBound(THREAD)]
    assert talk.written()[0]["params"]["threadId"] == THREAD


def test_auto_asks_before_everything_where_there_is_no_sandbox():
    spec = replace(SPEC, approval_mode=ApprovalMode.AUTO)
    talk = Talk(spec).open()
    talk.reply({"thread": {"id": THREAD}, "sandbox": {"type": "dangerFullAccess"}})
    assert talk.written()[0]["params"]["approvalPolicy"] == "untrusted"


def test_a_stop_is_remembered_until_the_turn_has_a_name():
    talk = Talk().bound()
    assert talk.dialogue.interrupt("turn")
    request = talk.written()[0]["id"]
    talk.tell("turn/started", threadId=THREAD, turn={"id": NATIVE})
    assert stopped(talk) == [HERE]
    assert talk.hear({"id": request, "result": {"turn": {"id": NATIVE}}}) == []
    assert talk.written() == []
    (done,) = talk.completed("interrupted")
    assert done.error == RunError(ErrorCode.BACKEND_FAILED, "The turn was interrupted; send it again")


def test_a_stop_before_the_conversation_is_open_sends_no_prompt():
    talk = Talk().open()
    talk.dialogue.interrupt("turn")
    bound, done = talk.reply(OPENED)
    stopped = RunError(ErrorCode.BACKEND_FAILED, "The turn was stopped before it began")
    assert (bound, done.error) == (SessionBound(THREAD), stopped)
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
