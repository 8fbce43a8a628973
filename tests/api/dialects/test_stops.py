"""Stop sequences cut a text wherever its deltas happen to end."""

from hypothesis import given
from hypothesis import strategies as st

from clinvk.api.dialects.stops import Cutter

letters = st.text("abc", max_size=12)
sequences = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3).map(tuple)


def cut(text, stops):
    """What is right, seen letter by letter: the first sequence that is complete cuts, of two the longer."""
    for end in range(len(text) + 1):
        ending = [stop for stop in stops if text[:end].endswith(stop)]
        if ending:
            stop = max(ending, key=len)
            return text[: end - len(stop)], stop
    return text, None


def fed(pieces, stops):
    """Letter by letter or not: what came out, and by which sequence it was cut."""
    cutter, out = Cutter(stops), ""
    for piece in pieces:
        told = cutter.feed(piece)
        out += told.text
        if told.sequence is not None:
            return out, told.sequence
    return out + cutter.flush(), None


@given(st.lists(letters, max_size=6), sequences)
def test_it_is_cut_at_the_first_sequence_that_is_complete_whatever_the_deltas(pieces, stops):
    assert fed(pieces, stops) == cut("".join(pieces), stops)


def test_what_cannot_begin_a_sequence_any_more_goes_out_at_once():
    cutter = Cutter(("END",))
    assert [cutter.feed(piece).text for piece in ("one E", "N", "E", "x", " EN")] == ["one ", "", "EN", "Ex", " "]
    assert cutter.flush() == "EN"
    assert cutter.flush() == ""


def test_without_sequences_nothing_is_held_back():
    assert Cutter(()).feed("anything").text == "anything"
