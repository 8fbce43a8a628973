"""A run in the words of chat completions: pure."""

import json

import orjson
import pytest

from clinvk.api.dialects.speech import Piece, Speech
from clinvk.api.openai.chat_voice import ChatVoice, usage
from clinvk.api.problems import Kind, Problem
from clinvk.domain.events import Entry, ReasoningDelta, RunFinished, TextDelta, TurnDone
from clinvk.domain.run import RunState, StopReason
from clinvk.domain.usage import Usage
from clinvk.domain.wire import to_wire
from clinvk.schemas import Schemas
from tests.api import openai_grammar

SCHEMAS = Schemas()
USED = Usage(input_tokens=30, output_tokens=20, cached_tokens=8, cache_write_tokens=3, reasoning_tokens=5)
NONE = {
    "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
    },
}  # fmt: skip
TOLD = NONE | {
    "prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
    "completion_tokens_details": NONE["completion_tokens_details"] | {"reasoning_tokens": 5},
}  # fmt: skip
PIECES = [Piece("Let me think.", is_reasoning=True), Piece("hello "), Piece("wörld\n\n\u2028data: x")]


def voice(**options):
    return ChatVoice("01k9", 1_769_851_800, "vendor/m", **options)


def spoken(*events, stops=(), reasoning=False):
    speech = Speech(stops, reasoning=reasoning)
    speech.hear([Entry(seq, each.type, orjson.dumps(to_wire(each))) for seq, each in enumerate(events)])
    return speech


def ended(reason=None, used=USED):
    return spoken(TextDelta("b", "hello"), TurnDone(reason), RunFinished(RunState.COMPLETED, 0, 0.1, used))


def stream(speech=None, pieces=PIECES, **options):
    """A whole stream, read by the grammar; every chunk is right by its schema."""
    teller = voice(**options)
    data = teller.open() + teller.say(pieces) + b"".join(teller.close(speech or ended()))
    told = openai_grammar.read(data, **options)
    assert [fault for each in told.chunks for fault in SCHEMAS.checker("openai/chat-chunk").faults(each)] == []
    return told


def test_a_whole_answer_is_what_openai_answers():
    told = voice().whole(ended())
    assert told == {
        "id": "chatcmpl-01k9",
        "object": "chat.completion",
        "created": 1_769_851_800,
        "model": "vendor/m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": TOLD,
    }
    assert SCHEMAS.checker("openai/chat-completion").faults(told) == []


def test_an_answer_without_text_is_empty_and_not_null():
    told = voice().whole(spoken(RunFinished(RunState.COMPLETED, 0, 0.1, Usage())))
    assert told["choices"][0]["message"]["content"] == ""
    assert told["usage"] == NONE


@pytest.mark.parametrize("wanted", [True, False])
def test_a_whole_answer_has_the_reasoning_if_there_is_any_to_tell(wanted):
    events = [ReasoningDelta("First this, "), ReasoningDelta("then that."), TextDelta("b", "hello")]
    told = voice().whole(spoken(*events, reasoning=wanted))
    message = told["choices"][0]["message"]
    assert message.get("reasoning_content") == ("First this, then that." if wanted else None)
    assert ("reasoning_content" in message, message["content"]) == (wanted, "hello")
    assert SCHEMAS.checker("openai/chat-completion").faults(told) == []


def test_a_stream_has_a_chunk_for_the_role_one_for_each_piece_and_one_for_the_end():
    told = stream()
    assert told.kinds == ["role", "reasoning", "text", "text", "finish", "done"]
    assert (told.thoughts, told.pieces) == (["Let me think."], ["hello ", "wörld\n\n\u2028data: x"])
    assert told.finish == "stop"


def test_a_stream_of_nothing_is_whole_too():
    assert stream(pieces=[]).kinds == ["role", "finish", "done"]


def test_the_usage_is_a_chunk_without_choices_for_whoever_asked_for_it():
    told = stream(include_usage=True)
    assert told.kinds[-3:] == ["finish", "usage", "done"]
    assert told.usage == TOLD


def test_every_chunk_is_of_the_same_answer():
    heads = [(each["id"], each["created"], each["model"]) for each in stream(include_usage=True).chunks]
    assert set(heads) == {("chatcmpl-01k9", 1_769_851_800, "vendor/m")}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        (None, "stop"),
        (StopReason.END_TURN, "stop"),
        (StopReason.MAX_TOKENS, "length"),
        (StopReason.MAX_TURNS, "length"),
        (StopReason.REFUSAL, "content_filter"),
    ],
)
def test_why_a_turn_ended_is_told_in_openais_words_in_both_forms(reason, finish):
    assert stream(ended(reason)).finish == finish
    assert voice().whole(ended(reason))["choices"][0]["finish_reason"] == finish


def test_a_stop_sequence_is_an_end_like_any_other():
    cut = spoken(TextDelta("b", "hello END and more"), stops=("END",))
    told = voice().whole(cut)
    assert (told["choices"][0]["message"]["content"], told["choices"][0]["finish_reason"]) == ("hello ", "stop")
    assert told["usage"] == NONE
    assert stream(cut).finish == "stop"


@pytest.mark.parametrize("options", [{}, {"include_usage": True}])
def test_a_failure_is_a_problem_in_the_place_of_a_finish_and_the_stream_ends_whole(options):
    teller = voice(**options)
    problem = Problem(Kind.BACKEND_FAILED, "The CLI\n\nended.")
    told = openai_grammar.read(teller.open() + teller.say(PIECES) + teller.fail(problem, "req_1"), **options)
    assert told.kinds[-2:] == ["failure", "done"]
    assert told.problem == problem.body("req_1")
    assert SCHEMAS.checker("domain/problem").faults(told.problem) == []
    error = {"message": "The CLI\n\nended.", "type": "server_error", "param": None, "code": "cli_failed"}
    assert told.problem["error"] == error


def test_all_counts_are_whole_numbers():
    flat = json.loads(json.dumps(usage(USED)), parse_float=lambda _: pytest.fail("a float"))
    assert flat == TOLD


@pytest.mark.parametrize(
    "wrong",
    [
        b"data: [DONE]\n\n",
        voice().open() + b"".join(voice().close(ended())).removesuffix(b"data: [DONE]\n\n"),
        voice().open() + voice().open() + b"".join(voice().close(ended())),
        voice().open() + b"".join(voice().close(ended())) + b"data: [DONE]\n\n",
        voice().open() + b"id: 1\n" + b"".join(voice().close(ended())),
        voice().open() + b"".join(ChatVoice("other", 1, "m").close(ended())),
        voice().open() + b"".join(voice(include_usage=True).close(ended())),
        voice().open().rstrip(b"\n") + b"\n" + b"".join(voice().close(ended())),
    ],
)
def test_the_grammar_that_streams_are_read_by_takes_no_other(wrong):
    with pytest.raises((AssertionError, ValueError)):
        openai_grammar.read(wrong)
