"""The answer is what was said after the last tool."""

from clinvk.domain.answer import Answer
from clinvk.domain.events import (
    Notice,
    ReasoningDelta,
    TextDelta,
    TextDone,
    TextDropped,
    ToolDone,
    ToolStarted,
    TurnDone,
)


def test_nothing_said_is_an_empty_answer():
    assert Answer().output == ""


def test_blocks_are_joined_by_a_blank_line_in_the_order_they_began():
    events = [TextDelta("a", "one "), TextDelta("b", "two"), TextDelta("a", "more")]
    assert Answer(events).output == "one more\n\ntwo"


def test_only_the_text_after_the_last_tool_counts():
    answer = Answer([TextDelta("a", "thinking aloud"), ToolStarted("t", "ls"), ToolDone("t", True)])
    assert answer.output == ""
    answer.fold(TextDelta("b", "the answer"))
    assert answer.output == "the answer"


def test_a_dropped_block_is_no_part_of_it():
    events = [TextDelta("a", "a first try"), TextDropped("a"), TextDropped("unknown"), TextDelta("b", "a second")]
    assert Answer(events).output == "a second"


def test_nothing_else_adds_to_it():
    events = [TextDelta("a", "text"), TextDone("a", 4, "text"), ReasoningDelta("hm"), Notice("!"), TurnDone()]
    assert Answer(events).output == "text"
