"""What a child that waits is good for, and how a next turn begins on it."""

import json
from dataclasses import replace

import pytest

from clinvk.backends.claude.backend import ClaudeBackend
from clinvk.domain.events import SessionBound, TextDelta, TurnDone
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec, SandboxMode
from tests.backends.acp_talk import READY, Agent, prompted_agent
from tests.backends.acp_talk import SPEC as ACP
from tests.backends.codex_talk import NATIVE, NO_ACCOUNT_NEEDED, SPEC, THREAD, Talk

UUID = "3660d789-b763-4698-bb4b-c5cd024dfe7a"
CLAUDE = RunSpec("claude", "hello", "/home/dev/project")
AGAIN = replace(SPEC, prompt="again", resume=THREAD)


def claude(**asked):
    dialogue = ClaudeBackend().dialogue(replace(CLAUDE, **asked))
    dialogue.open()
    return dialogue


def tell(dialogue, *messages):
    return dialogue.receive(b"".join(json.dumps(message).encode() + b"\n" for message in messages))


def greeted(subtype="success"):
    return {"type": "control_response", "response": {"request_id": "hello", "subtype": subtype, "error": "no"}}


def turn(dialogue, name, **asked):
    """A turn of claude, to its end."""
    dialogue.begin(name, replace(CLAUDE, **asked))
    result = {"type": "result", "subtype": "success", "result": "", "session_id": UUID}
    return tell(dialogue, {"type": "system", "subtype": "init", "session_id": UUID}, result)


def test_claude_is_ready_once_it_has_answered():
    dialogue = claude()
    assert not dialogue.ready
    tell(dialogue, greeted())
    assert dialogue.ready


def test_claude_takes_only_the_conversation_that_it_was_started_for():
    dialogue = claude()
    assert dialogue.fit(CLAUDE) is Start.WARM
    assert dialogue.fit(replace(CLAUDE, resume=UUID)) is None
    resuming = claude(resume=UUID)
    assert (resuming.fit(CLAUDE), resuming.fit(replace(CLAUDE, resume=UUID))) == (None, Start.WARM)


def test_claude_that_refused_to_be_set_up_is_of_no_use():
    dialogue = claude()
    assert tell(dialogue, greeted("error")) == []
    assert dialogue.fit(CLAUDE) is None


@pytest.mark.parametrize("bound", [{"max_turns": 3}, {"extra": ("--max-budget-usd=1",)}])
def test_what_bounds_a_process_of_claude_bounds_one_turn(bound):
    dialogue = claude(**bound)
    tell(dialogue, greeted())
    turn(dialogue, "t", **bound)
    assert dialogue.fit(replace(CLAUDE, resume=UUID, **bound)) is None


def test_each_turn_of_claude_names_the_conversation():
    dialogue = claude()
    tell(dialogue, greeted())
    for name, resume in (("one", None), ("two", UUID)):
        said = turn(dialogue, name, resume=resume)
        assert [one.output for one in said if isinstance(one.output, SessionBound)] == [SessionBound(UUID)]
        assert {one.turn for one in said} == {name}


def waiting():
    """An app-server that was started ahead."""
    talk = Talk()
    talk.dialogue.open()
    talk.reply({})
    talk.reply(NO_ACCOUNT_NEEDED)
    return talk


def done():
    """An app-server after a turn in a conversation."""
    talk = Talk().started()
    talk.completed()
    talk.written()
    return talk


def methods(talk):
    return [message["method"] for message in talk.written()]


def test_codex_is_ready_when_it_knows_its_account():
    talk = Talk()
    talk.dialogue.open()
    talk.reply({})
    assert not talk.dialogue.ready
    talk.reply(NO_ACCOUNT_NEEDED)
    assert talk.dialogue.ready


def test_codex_goes_on_at_once_with_a_conversation_that_it_has():
    talk = done()
    assert talk.dialogue.fit(AGAIN) is Start.LIVE
    talk.dialogue.begin("turn", AGAIN)
    (request,) = talk.written()
    assert (request["method"], request["params"]["threadId"]) == ("turn/start", THREAD)
    assert talk.hear({"id": request["id"], "result": {"turn": {"id": NATIVE}}}) == [SessionBound(THREAD)]
    (finished,) = talk.completed()
    assert isinstance(finished, TurnDone)


def test_codex_names_a_live_conversation_before_anything_of_its_turn():
    talk = done()
    talk.dialogue.begin("turn", AGAIN)
    said = talk.tell("turn/started", threadId=THREAD, turn={"id": NATIVE})
    said += talk.here("item/agentMessage/delta", itemId="m", delta="hi")
    assert said == [SessionBound(THREAD), TextDelta("m", "hi")]


@pytest.mark.parametrize(
    "other", [{"model": "m"}, {"sandbox_mode": SandboxMode.FULL}, {"system_prompt": "be brief"}]
)
def test_codex_cannot_change_what_a_conversation_was_opened_with(other):
    assert done().dialogue.fit(replace(AGAIN, **other)) is None


def test_codex_opens_another_conversation_after_a_turn():
    talk = done()
    talk.dialogue.begin("turn", SPEC)
    assert methods(talk) == ["thread/start"]


def test_codex_without_a_login_is_of_no_use():
    talk = Talk()
    talk.dialogue.open()
    talk.reply({})
    talk.reply({"account": None, "requiresOpenaiAuth": True})
    assert talk.dialogue.fit(SPEC) is None


def test_codex_that_refused_the_handshake_is_of_no_use():
    talk = Talk()
    talk.dialogue.open()
    talk.reply(error={"message": "no"})
    assert talk.dialogue.fit(SPEC) is None


def test_codex_that_waits_begins_at_once():
    talk = waiting()
    talk.written()
    talk.dialogue.begin("turn", SPEC)
    assert methods(talk) == ["thread/start"]


def test_an_agent_is_ready_once_it_has_answered():
    agent = Agent()
    assert not agent.dialogue.ready
    agent.answers(1, READY)
    assert agent.dialogue.ready


def test_an_agent_that_goes_before_it_hears_of_a_live_turn_has_said_nothing_of_it():
    agent = prompted_agent()
    agent.answers(3, {"stopReason": "end_turn"})
    agent.dialogue.begin("next", replace(ACP, resume="s"))
    assert agent.dialogue.exited(Exit(1)) == []
