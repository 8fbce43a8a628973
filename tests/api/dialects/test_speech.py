"""What a run says, as a client of a dialect hears it."""

import orjson
import pytest

from clinvk.api.dialects.speech import Piece, Speech
from clinvk.domain import events
from clinvk.domain.answer import Answer
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import Entry, RunFinished, TextDelta, TextDropped, ToolStarted
from clinvk.domain.run import RunState, StopCause, StopReason
from clinvk.domain.usage import Usage
from clinvk.domain.wire import to_wire

DONE = RunFinished(RunState.COMPLETED, 0, 0.1, Usage(7, 3))


def entries(*told):
    return [
        Entry(seq, event.type, orjson.dumps({"type": event.type, **to_wire(event)}))
        for seq, event in enumerate(told)
    ]


def heard(*told, stops=(), reasoning=False):
    """The pieces of a run that says this, entry by entry, and the speech."""
    speech = Speech(stops, reasoning=reasoning)
    pieces = [piece for entry in entries(*told) for piece in speech.hear([entry])]
    return [piece.text for piece in pieces], speech


def test_every_delta_is_a_piece():
    pieces, speech = heard(TextDelta("a", "one "), TextDelta("a", "two"), DONE)
    assert (pieces, speech.text, speech.over) == (["one ", "two"], "one two", True)


def test_a_blank_line_parts_the_blocks():
    told = [TextDelta("a", "one"), TextDelta("b", "two"), TextDelta("b", "!"), DONE]
    pieces, speech = heard(*told)
    assert pieces == ["one", "\n\ntwo", "!"]
    assert speech.text == "".join(pieces) == Answer(told).output


def test_text_before_a_tool_is_said_and_is_no_part_of_the_answer():
    pieces, speech = heard(TextDelta("a", "Let me see."), ToolStarted("1", "ls"), TextDelta("b", "42"), DONE)
    assert (pieces, speech.text) == (["Let me see.", "\n\n42"], "42")


def test_text_that_was_dropped_is_no_part_of_the_answer():
    pieces, speech = heard(TextDelta("a", "wro"), TextDropped("a"), TextDelta("b", "right"), DONE)
    assert (pieces, speech.text) == (["wro", "\n\nright"], "right")


def test_a_block_that_goes_on_after_a_tool_is_another_text():
    pieces, speech = heard(TextDelta("a", "one"), ToolStarted("1", "ls"), TextDelta("a", "two"), DONE)
    assert (pieces, speech.text) == (["one", "\n\ntwo"], "two")
    assert heard(ToolStarted("1", "ls"), TextDelta("a", "two"), DONE)[0] == ["two"]


def test_an_answer_with_a_hole_is_none():
    hole = events.Notice(f"{events.TRUNCATED}3 earlier events were not kept")
    pieces, speech = heard(TextDelta("a", "one"), hole, TextDelta("a", "five"), DONE)
    assert (pieces, speech.over, speech.error.code) == (["one"], True, ErrorCode.INTERNAL)
    assert heard(events.Notice("It is late"), TextDelta("a", "one"), DONE)[0] == ["one"]


def test_what_was_said_until_the_turns_were_used_up_is_an_answer():
    error = RunError(ErrorCode.MAX_TURNS, "It took more turns than allowed")
    _, speech = heard(TextDelta("a", "so far"), RunFinished(RunState.FAILED, 1, 0.1, Usage(1, 2), error))
    assert (speech.text, speech.error, speech.stop_reason) == ("so far", None, StopReason.MAX_TURNS)


def test_why_we_ended_it_is_known():
    _, speech = heard(events.RunStopping(StopCause.SHUTDOWN), RunFinished(RunState.CANCELLED, -1, 0.1, Usage()))
    assert speech.stop_cause is StopCause.SHUTDOWN


def test_reasoning_is_told_only_to_who_wants_it():
    told = events.ReasoningDelta("hmm"), TextDelta("a", "42"), DONE
    pieces, speech = heard(*told)
    assert (pieces, speech.reasoning) == (["42"], "")
    speech = Speech(reasoning=True)
    assert speech.hear(entries(*told)) == [Piece("hmm", is_reasoning=True), Piece("42")]
    assert (speech.reasoning, speech.text) == ("hmm", "42")


def test_a_stop_sequence_cuts_across_deltas_and_ends_it():
    pieces, speech = heard(
        TextDelta("a", "one ST"), TextDelta("a", "OP two"), TextDelta("a", "three"), DONE, stops=("STOP",)
    )
    assert (pieces, speech.text, speech.stop_sequence, speech.over) == (["one "], "one ", "STOP", True)


@pytest.mark.parametrize("between", [[], [ToolStarted("1", "ls")]])
def test_a_stop_sequence_does_not_reach_from_one_block_into_the_next(between):
    pieces, speech = heard(TextDelta("a", "ST"), *between, TextDelta("b", "OP"), DONE, stops=("STOP", "\n\n"))
    assert (pieces, speech.stop_sequence) == (["ST", "\n\nOP"], None)


def test_what_was_held_back_is_said_at_the_end():
    pieces, speech = heard(TextDelta("a", "one ST"), DONE, stops=("STOP",))
    assert (pieces, speech.text) == (["one ", "ST"], "one ST")


def test_what_is_held_back_of_a_dropped_block_is_dropped_with_it():
    pieces, speech = heard(TextDelta("a", "ST"), TextDropped("a"), TextDelta("b", "OP"), DONE, stops=("STOP",))
    assert (pieces, speech.text, speech.stop_sequence) == (["OP"], "OP", None)


def test_how_it_ended_is_known():
    _, speech = heard(events.UsageReported(Usage(1, 2)), events.TurnDone(StopReason.MAX_TOKENS), DONE)
    assert (speech.stop_reason, speech.usage, speech.error) == (StopReason.MAX_TOKENS, Usage(7, 3), None)
    error = RunError(ErrorCode.USAGE_LIMIT, "It is used up", 30.5)
    _, speech = heard(RunFinished(RunState.FAILED, 1, 0.1, Usage(), error))
    assert (speech.error, speech.over) == (error, True)


def test_usage_so_far_is_known_before_the_end():
    _, speech = heard(events.UsageReported(Usage(1, 2, cached_tokens=1)), TextDelta("a", "xSTOP"), stops=("STOP",))
    assert speech.usage == Usage(1, 2, cached_tokens=1)
