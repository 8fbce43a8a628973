"""A run in the words of responses: pure."""

import json

import orjson
import pytest

from clinvk.api.dialects.speech import Piece, Speech
from clinvk.api.openai.responses_voice import Asked, ResponsesVoice
from clinvk.api.problems import Kind, Problem
from clinvk.domain.events import Entry, ReasoningDelta, RunFinished, TextDelta, ToolStarted, TurnDone
from clinvk.domain.run import RunState, StopReason
from clinvk.domain.usage import Usage
from clinvk.domain.wire import to_wire
from clinvk.schemas import Schemas
from tests.api import responses_grammar as grammar

SCHEMAS = Schemas()
USED = Usage(input_tokens=30, output_tokens=20, cached_tokens=8, cache_write_tokens=3, reasoning_tokens=5)
TOLD = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 3},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 50,
}
THOUGHT = Piece("Let me think.", is_reasoning=True)
PIECES = [THOUGHT, Piece("hello "), Piece("wörld\n\n\u2028data: x")]


def voice(asked=None):
    return ResponsesVoice("01k9", 1_769_851_800, asked or Asked("vendor/m"))


def spoken(*events, reasoning=False):
    speech = Speech(reasoning=reasoning)
    speech.hear([Entry(seq, each.type, orjson.dumps(to_wire(each))) for seq, each in enumerate(events)])
    return speech


def ended(reason=StopReason.END_TURN, used=USED):
    return spoken(TextDelta("b", "hello"), TurnDone(reason), RunFinished(RunState.COMPLETED, 0, 0.1, used))


def stream(pieces, speech=None, *, problem=None):
    """A whole stream, read by the grammar; every event is right by its schema."""
    teller = voice()
    data = teller.open() + b"".join(teller.say([piece]) for piece in pieces)
    data += teller.fail(problem, "req_1") if problem else b"".join(teller.close(speech or ended()))
    faults = [SCHEMAS.checker("openai/response-event").faults(event) for event in grammar.events(data)]
    assert faults == [[]] * len(faults)
    return grammar.read(data)


def whole(speech, asked=None):
    told = voice(asked).whole(speech)
    assert SCHEMAS.checker("openai/response").faults(told) == []
    return told


def test_a_whole_answer_has_every_field_that_the_sdks_want():
    asked = Asked("vendor/m", "Be brief.", 100, "low", "auto", {"ticket": "42"})
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": "hello"}
    assert whole(ended(), asked) == {
        "id": "resp_01k9", "object": "response", "created_at": 1_769_851_800, "completed_at": None,
        "status": "completed", "error": None, "incomplete_details": None, "instructions": "Be brief.",
        "max_output_tokens": 100, "max_tool_calls": None, "model": "vendor/m",
        "output": [
            {"type": "message", "role": "assistant", "id": "msg_01k9", "status": "completed", "content": [part]}
        ],
        "parallel_tool_calls": True, "previous_response_id": None,
        "reasoning": {"effort": "low", "summary": "auto"}, "store": False, "background": False,
        "temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "top_logprobs": 0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "truncation": "disabled",
        "service_tier": "default", "usage": TOLD, "user": None, "metadata": {"ticket": "42"},
        "safety_identifier": None, "prompt_cache_key": None,
    }  # fmt: skip


def test_a_whole_answer_is_what_was_said_after_the_last_tool():
    speech = spoken(TextDelta("a", "Let me look."), ToolStarted("t", "ls"), TextDelta("b", "There are two."))
    assert whole(speech)["output"][-1]["content"][0]["text"] == "There are two."


def test_a_stream_adds_up_to_what_was_said():
    told = stream([Piece("hello "), Piece("wörld\n\n\u2028data: x"), Piece("\n\nand more")])
    assert told.pieces == ["hello ", "wörld\n\n\u2028data: x", "\n\nand more"]
    assert told.response["output"] == [
        {
            "type": "message", "role": "assistant", "id": "msg_01k9", "status": "completed",
            "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": told.text}],
        }
    ]  # fmt: skip
    assert told.response["usage"] == TOLD


def test_the_events_of_a_stream_come_in_the_order_that_the_sdks_want():
    part = ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"]
    kinds = ["created", "in_progress", "output_item.added", *part, "output_item.done", "completed"]
    assert stream([Piece("hello")]).kinds == [f"response.{kind}" for kind in kinds]


def test_reasoning_is_an_item_of_its_own_before_the_message():
    told = stream(PIECES)
    reasoning, message = told.response["output"]
    assert reasoning == {
        "type": "reasoning", "id": "rs_01k9", "status": "completed",
        "summary": [{"type": "summary_text", "text": "Let me think."}],
    }  # fmt: skip
    assert (message["type"], message["id"]) == ("message", "msg_01k9_1")
    assert (told.thoughts, told.text) == (["Let me think."], "hello wörld\n\n\u2028data: x")


def test_reasoning_behind_text_begins_another_item_and_so_does_the_text_behind_it():
    told = stream([Piece("one"), THOUGHT, THOUGHT, Piece("two")])
    assert [item["type"] for item in told.items] == ["message", "reasoning", "message"]
    assert [item["id"] for item in told.items] == ["msg_01k9", "rs_01k9_1", "msg_01k9_2"]
    assert told.items[1]["summary"][0]["text"] == "Let me think." * 2


@pytest.mark.parametrize("pieces", [[], [THOUGHT]])
def test_an_answer_without_text_has_an_empty_message_all_the_same(pieces):
    message = stream(pieces).response["output"][-1]
    assert (message["type"], message["content"][0]["text"]) == ("message", "")


def test_a_whole_answer_without_text_has_an_empty_message_too():
    (message,) = whole(spoken(RunFinished(RunState.COMPLETED, 0, 0.1, Usage())))["output"]
    assert message["content"][0]["text"] == ""


def test_a_whole_answer_tells_reasoning_only_to_who_asked_for_it():
    events = (ReasoningDelta("Let me think."), TextDelta("b", "hello"))
    asked, unasked = (whole(spoken(*events, reasoning=wanted))["output"] for wanted in (True, False))
    assert [item["type"] for item in unasked] == ["message"]
    assert [item["type"] for item in asked] == ["reasoning", "message"]
    assert asked[0]["summary"] == [{"type": "summary_text", "text": "Let me think."}]


@pytest.mark.parametrize("reason", [StopReason.MAX_TOKENS, StopReason.MAX_TURNS])
def test_an_answer_that_came_to_a_limit_is_incomplete(reason):
    told = stream(PIECES, ended(reason)).response
    for response in (told, whole(ended(reason))):
        assert (response["status"], response["incomplete_details"]) == (
            "incomplete",
            {"reason": "max_output_tokens"},
        )
        assert response["output"][-1]["status"] == "incomplete"
    assert told["output"][0]["status"] == "completed"


def test_a_refusal_is_an_answer_since_it_is_known_for_one_only_at_its_end():
    told = stream([Piece("I cannot.")], ended(StopReason.REFUSAL))
    assert told.response["status"] == "completed"
    assert told.response["output"][0]["content"][0]["type"] == "output_text"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.BACKEND_FAILED, "server_error"),
        (Kind.BACKEND_OVERLOADED, "server_error"),
        (Kind.TIMEOUT, "server_error"),
        (Kind.MODEL_NOT_FOUND, "server_error"),
        (Kind.USAGE_LIMIT, "rate_limit_exceeded"),
    ],
)
@pytest.mark.parametrize("pieces", [[], [THOUGHT], [Piece("hello")], PIECES])
def test_a_failure_ends_the_stream_and_nothing_that_was_begun_is_whole(kind, code, pieces):
    told = stream(pieces, problem=Problem(kind, "It broke."))
    assert told.kinds[-1] == "response.failed"
    assert told.response["error"] == {"code": code, "message": "It broke."}
    assert len(told.items) == len({piece.is_reasoning for piece in pieces}) - bool(pieces)


def test_a_thousand_deltas_stay_a_thousand_in_their_order():
    words = [f"{number} " for number in range(1000)]
    told = stream([Piece(word) for word in words])
    assert told.pieces == words
    assert told.response["output"][0]["content"][0]["text"] == "".join(words)


def test_all_numbers_of_tokens_are_integers():
    usage = json.loads(orjson.dumps(whole(ended())))["usage"]
    counts = [usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]]
    details = [*usage["input_tokens_details"].values(), *usage["output_tokens_details"].values()]
    assert {type(count) for count in counts + details} == {int}
