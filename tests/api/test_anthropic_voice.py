"""How a run stands on the wire: pure, each stream checked by the grammar and each value by its schema."""

import json

import pytest

from clinvk.api.anthropic.voice import MessageVoice
from clinvk.api.dialects.speech import Piece, Speech
from clinvk.api.problems import Kind, Problem
from clinvk.clock import SystemClock
from clinvk.domain.events import ReasoningDelta, RunFinished, TextDelta, ToolStarted, TurnDone
from clinvk.domain.run import RunState, StopReason
from clinvk.domain.usage import Usage
from clinvk.schemas import Schemas
from clinvk.supervisor.log import EventLog
from tests.api import anthropic_grammar as grammar

SCHEMAS = Schemas()
END = RunFinished(RunState.COMPLETED, 0, 0.1, Usage(100, 7, 60, 30, 5))


async def entries(*events):
    log = EventLog(SystemClock(), {})
    for event in events:
        log.append(event)
    log.close()
    return await log.read()


async def told(*events, stops=(), reasoning=True, at_once=1000):
    """The stream and the whole answer of a run that says `events`."""
    heard = await entries(*events)
    voice, speech = MessageVoice("7", "asked"), Speech(stops, reasoning=reasoning)
    body = voice.open()
    for start in range(0, len(heard), at_once):
        body += voice.say(speech.hear(heard[start : start + at_once]))
    body += b"".join(voice.close(speech))
    for event in grammar.events(body):
        assert SCHEMAS.checker("anthropic/stream-event").faults(event) == []
    whole = MessageVoice("7", "asked").whole(speech)
    assert SCHEMAS.checker("anthropic/message").faults(json.loads(json.dumps(whole))) == []
    return grammar.read(body), whole


async def test_a_stream_and_a_whole_answer_tell_the_same():
    streamed, whole = await told(TextDelta("b", "Good "), TextDelta("b", "day."), END)
    assert streamed.message == whole
    assert streamed.deltas == ["Good ", "day."]


async def test_thoughts_and_text_are_blocks_in_the_order_in_which_they_come():
    streamed, whole = await told(
        ReasoningDelta("Hm. "), ReasoningDelta("So."), TextDelta("b", "Well"), ReasoningDelta("Or?"),
        TextDelta("b", " yes."), END, at_once=1,
    )  # fmt: skip
    content = [(block["type"], block.get("text", block.get("thinking"))) for block in streamed.message["content"]]
    assert content == [("thinking", "Hm. So."), ("text", "Well"), ("thinking", "Or?"), ("text", " yes.")]
    assert [(block["type"], block.get("text", block.get("thinking"))) for block in whole["content"]] == [
        ("thinking", "Hm. So.Or?"),
        ("text", "Well yes."),
    ]
    assert all(block["signature"] for block in whole["content"] if block["type"] == "thinking")


@pytest.mark.parametrize("events", [(), (ReasoningDelta("Hm."),)])
async def test_an_answer_without_text_has_an_empty_text(events):
    streamed, whole = await told(*events, END)
    assert streamed.message["content"][-1] == whole["content"][-1] == {"type": "text", "text": "", "citations": []}
    assert streamed.message == whole


async def test_text_before_a_tool_is_told_in_the_stream_alone():
    streamed, whole = await told(TextDelta("a", "I look."), ToolStarted("t", "look"), TextDelta("b", "Snow."), END)
    assert streamed.text == "I look.\n\nSnow."
    assert whole["content"] == [{"type": "text", "text": "Snow.", "citations": []}]


async def test_what_goes_by_the_cache_is_not_in_the_input_tokens():
    streamed, _ = await told(TextDelta("b", "x"), END)
    usage = streamed.message["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (10, 7)
    assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (60, 30)


async def test_a_cli_that_miscounts_makes_no_negative_tokens():
    _, whole = await told(RunFinished(RunState.COMPLETED, 0, 0.1, Usage(1, 1, 60, 30)))
    assert whole["usage"]["input_tokens"] == 0


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (StopReason.END_TURN, "end_turn"),
        (StopReason.MAX_TOKENS, "max_tokens"),
        (StopReason.MAX_TURNS, "pause_turn"),
        (StopReason.REFUSAL, "refusal"),
        (None, "end_turn"),
    ],
)
async def test_why_the_model_ended_is_told_in_the_words_of_the_api(reason, word):
    streamed, whole = await told(TextDelta("b", "x"), TurnDone(reason), END)
    assert [(end["stop_reason"], end["stop_sequence"]) for end in (streamed.message, whole)] == [(word, None)] * 2


async def test_a_stop_sequence_is_told_though_the_run_goes_on():
    streamed, whole = await told(TextDelta("b", "one EN"), TextDelta("b", "D two"), stops=("END",))
    assert (streamed.text, whole["content"][0]["text"]) == ("one ", "one ")
    assert [(end["stop_reason"], end["stop_sequence"]) for end in (streamed.message, whole)] == [
        ("stop_sequence", "END")
    ] * 2


@pytest.mark.parametrize("at_once", [1, 7, 1000])
async def test_a_thousand_pieces_keep_their_order(at_once):
    pieces = [f"{number} " for number in range(1000)]
    streamed, _ = await told(*(TextDelta("b", piece) for piece in pieces), END, at_once=at_once)
    assert streamed.deltas == pieces


@pytest.mark.parametrize("pieces", [[], [Piece("Well")], [Piece("Hm", is_reasoning=True), Piece("Well")]])
def test_a_failure_is_the_last_event_as_its_sdk_reads_it(pieces):
    problem = Problem(Kind.BACKEND_FAILED, "It broke\nin two")
    voice = MessageVoice("7", "asked")
    body = voice.open() + voice.say(pieces) + voice.fail(problem, "req_1")
    streamed = grammar.read(body)
    assert SCHEMAS.checker("anthropic/stream-event").faults(streamed.error) == []
    assert (streamed.error["type"], streamed.error["request_id"]) == ("error", "req_1")
    assert streamed.error["error"] == {
        "type": "api_error", "message": "It broke\nin two", "details": {"error_code": "backend-failed"}
    }  # fmt: skip


def test_no_text_can_break_the_lines_of_a_stream():
    voice = MessageVoice("7", "asked\nevent: x")
    wild = "\n\ndata: [DONE]\r\n\u2028: ping\x00😀"
    body = voice.open() + voice.say([Piece(wild)]) + voice.fail(Problem(Kind.INTERNAL, wild), "req_1")
    assert grammar.read(body).deltas == [wild]
