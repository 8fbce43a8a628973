"""Framing: whole lines, whatever the chunks, within the ceiling."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.backends.lines import LINE_CEILING, LineBuffer
from clinvk.domain.errors import LineTooLong

chunks = st.lists(st.binary(max_size=8) | st.sampled_from([b"\n", b"\r\n", b"a\nb\n", b""]))
CEILING = 6


def fed(chunks, ceiling=LINE_CEILING):
    buffer = LineBuffer(ceiling)
    lines = [line for chunk in chunks for line in buffer.feed(chunk)]
    return lines, buffer.rest()


@given(chunks)
def test_any_chunking_gives_the_lines_of_the_whole(chunks):
    *lines, rest = b"".join(chunks).split(b"\n")
    assert fed(chunks) == (lines, rest)


@given(chunks)
def test_any_chunking_strikes_the_same_ceiling(chunks):
    whole = b"".join(chunks)
    too_long = any(len(line) > CEILING for line in whole.split(b"\n"))
    for cut in (chunks, [whole], [bytes([byte]) for byte in whole]):
        with pytest.raises(LineTooLong, match="longer than 6 bytes") if too_long else contextlib.nullcontext():
            fed(cut, CEILING)


def test_a_line_as_long_as_the_ceiling_passes_with_or_without_its_end():
    assert fed([b"x" * CEILING, b"\n", b"y" * CEILING], CEILING) == ([b"x" * CEILING], b"y" * CEILING)


def test_only_a_line_feed_ends_a_line():
    text = "a\rb\x0bc\x0cd\x85e\u2028f\n".encode()
    assert fed([text]) == ([text[:-1]], b"")


def test_the_rest_is_taken_out_once():
    buffer = LineBuffer()
    buffer.feed(b"line\nunfin")
    buffer.feed(b"ished")
    assert (buffer.rest(), buffer.rest()) == (b"unfinished", b"")
    assert buffer.feed(b"new\n") == [b"new"]


def test_what_was_taken_out_counts_no_more():
    buffer = LineBuffer(CEILING)
    buffer.feed(b"x")
    buffer.rest()
    assert buffer.feed(b"y" * CEILING) == []


def test_a_long_line_in_many_chunks_is_put_together_once():
    chunk = b"x" * 1024
    assert fed([chunk] * 4096 + [b"\n"]) == ([chunk * 4096], b"")
