"""Text blocks: what was said in pieces is told whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.backends import blocks as module
from clinvk.backends.blocks import TextBlocks
from clinvk.domain.events import TEXT_DONE_LIMIT, TextDelta, TextDone, TextDropped


@pytest.fixture
def blocks():
    return TextBlocks()


def test_a_block_is_told_whole(blocks):
    assert blocks.delta("a", "one ") == TextDelta("a", "one ")
    blocks.delta("a", "two")
    assert blocks.done("a") == [TextDone("a", 7, "one two")]


def test_a_block_is_done_once_and_may_begin_anew(blocks):
    blocks.delta("a", "one")
    blocks.done("a")
    assert blocks.done("a") == []
    blocks.delta("a", "two")
    assert blocks.done("a") == [TextDone("a", 3, "two")]


def test_a_block_that_said_nothing_is_not_told(blocks):
    assert blocks.done("never") == []
    assert blocks.dropped("never") == []


def test_a_dropped_block_is_forgotten(blocks):
    blocks.delta("a", "one")
    assert blocks.dropped("a") == [TextDropped("a")]
    assert blocks.dropped("a") == []
    assert blocks.close() == []
    blocks.delta("a", "another")
    assert blocks.done("a") == [TextDone("a", 7, "another")]


def test_closing_tells_the_open_blocks_in_the_order_they_began(blocks):
    for block, text in [("b", "1"), ("a", "2"), ("b", "3"), ("c", "4")]:
        blocks.delta(block, text)
    blocks.done("a")
    assert blocks.close() == [TextDone("b", 2, "13"), TextDone("c", 1, "4")]
    assert blocks.close() == []


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_very_long_block_is_told_by_its_length(blocks, beyond):
    half = "x" * (TEXT_DONE_LIMIT // 2)
    for text in (half, half, "y" * beyond):
        blocks.delta("a", text)
    assert blocks.done("a") == [TextDone("a", TEXT_DONE_LIMIT + beyond, None if beyond else half * 2)]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=4))))
def test_what_is_told_is_what_was_said(said):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TEXT_DONE_LIMIT", 10)
        blocks = TextBlocks()
        for block, text in said:
            blocks.delta(block, text)
        told = {done.block: done for done in blocks.close()}
    whole = {block: "".join(text for name, text in said if name == block) for block, _ in said}
    assert {block: done.chars for block, done in told.items()} == {b: len(text) for b, text in whole.items()}
    assert {b: done.text for b, done in told.items()} == {
        b: text if len(text) <= 10 else None for b, text in whole.items()
    }
