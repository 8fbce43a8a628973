"""A run's events told as rows."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.tui.samples import entries
from tests.tui.telling import a_told_run, the_end
from tui.reading.pieces import PIECE_BYTES, cut, key_of, slices
from tui.reading.roll import Place
from tui.reading.rows import Kind
from tui.reading.transcript import Transcript, said_of
from tui.reading.wrapping import cells, crop, visible, wrap

TEXTS = st.text(alphabet=st.sampled_from("ab  \n\t\r\x1b日本🎉é\u0301\u200d"), max_size=120)


def told(*events: dict[str, Any], width: int = 40, unfolded: bool = False) -> Transcript:
    transcript = Transcript(width, unfolded=unfolded)
    transcript.fold(list(cut(entries(*events), 0)))
    return transcript


def lines(transcript: Transcript) -> list[str]:
    return [row.text for row in transcript.roll.rows]


@given(TEXTS, st.lists(st.integers(0, 120), max_size=8), st.integers(4, 30))
@example("ab ab", [2, 3], 4)
def test_rows_do_not_depend_on_how_a_text_was_cut(text: str, cuts: list[int], width: int) -> None:
    edges = sorted({0, len(text), *(min(place, len(text)) for place in cuts)})
    parts = [text[a:b] for a, b in pairwise(edges)] or [text]
    whole, chunked = Transcript(width), Transcript(width)
    whole.fold(list(cut(entries({"type": "text.delta", "block": "1", "text": text}), 0)))
    for piece in cut(entries(*({"type": "text.delta", "block": "1", "text": part} for part in parts)), 0):
        chunked.fold([piece])
    assert [(row.text, row.soft, row.position) for row in whole.roll.rows] == [
        (row.text, row.soft, row.position) for row in chunked.roll.rows
    ]
    assert whole.roll.size == chunked.roll.size


@given(TEXTS, st.integers(4, 30))
@example("aaaaa日 \u0301", 7)
def test_no_row_is_wider_than_it_may_be_and_nothing_is_lost(text: str, width: int) -> None:
    line = visible(text).replace("\n", " ")
    rows = wrap(line, width)
    assert "".join(rows) == line
    bare = [row.rstrip("\u0301").removesuffix(" ") for row in rows]  # a space hangs, with the marks on it
    assert all(cells(row) <= width for row in bare)


@given(TEXTS, st.integers(1, 30))
def test_a_cropped_text_fits(text: str, width: int) -> None:
    assert cells(crop(visible(text).replace("\n", " "), width)) <= width


def test_words_stay_whole_where_there_is_room() -> None:
    assert wrap("one two three", 8) == ["one two ", "three"]
    assert wrap("日本語の 文", 6) == ["日本語", "の 文"]


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\r", "\x9b", "\u202e", "\u2028", "\ud800", "\x7f", "\x00"])
def test_no_control_character_reaches_the_terminal(character: str) -> None:
    assert visible(f"a{character}b").isprintable()


def test_everything_that_happens_is_told() -> None:
    text = "\n".join(lines(told(*a_told_run(), the_end(), width=70)))
    for said in (
        "queued behind 2", "started: a new process, pid 4242", "Why does it start", "loadr", "dropped",
        "list_files  src/engine", "ok 0ms", "Bash  cat /etc/shadow", "failed 0ms",
        "? Bash asks leave: execute cat",
        "✗ refused by mode: it is not allowed", "unknown message type", "Read it once, and hand it on", "日本語",
        "✓ completed in 12s · 1.2k tokens in · 340 out",
    ):  # fmt: skip
        assert said in text


def test_a_failure_says_what_and_what_helps() -> None:
    error = {"code": "usage_limit", "message": "The limit is reached: wait", "retry_after_secs": 3600}
    rows = told(the_end("failed", error=error)).roll.rows
    assert [row.text for row in rows][-2:] == ["usage_limit: The limit is reached: wait", "try again in 1h 00m"]
    assert all(row.kind is Kind.BAD for row in rows)


def test_a_dropped_block_is_struck_out_and_only_that() -> None:
    kinds = {row.text: row.kind for row in told(*a_told_run()).roll.rows}
    assert kinds["I will look at the loadr"] is Kind.STRUCK
    assert kinds["The loader reads its configuration twice."[:39].rpartition(" ")[0] + " "] is Kind.TEXT


def test_what_is_known_to_be_dropped_later_is_struck_out_at_once() -> None:
    transcript = Transcript(40, dropped={"0": 10 << 16})
    transcript.fold(list(cut(entries({"type": "text.delta", "block": "0", "text": "no"}), 0)))
    assert transcript.roll.rows[0].kind is Kind.STRUCK


def test_a_tool_is_unfolded_and_folded() -> None:
    transcript = told(*a_told_run(), width=60)
    before = lines(transcript)
    head = next(number for number, row in enumerate(transcript.roll.rows) if "Bash  cat" in row.text)
    size = transcript.roll.size
    transcript.toggle(head)
    assert lines(transcript)[head + 1 : head + 5] == ["input", "cat /etc/shadow", "output", "␛[31mrefused␛[0m"]
    transcript.toggle(head + 3)
    assert lines(transcript) == before
    assert transcript.roll.size == size


def test_all_tools_can_be_told_unfolded() -> None:
    assert "loader.py" in lines(told(*a_told_run(), unfolded=True))


def test_every_row_is_found_again_from_its_place() -> None:
    transcript = told(*a_told_run(), the_end(), width=30)
    roll = transcript.roll
    for number, row in enumerate(roll.rows):
        place = roll.place(number)
        assert place is not None
        assert roll.rows[roll.number(place)].position == row.position


def test_what_is_let_go_changes_no_place() -> None:
    transcript = told(*a_told_run(), the_end(), width=30)
    roll = transcript.roll
    places = [roll.place(number) for number in range(len(roll.rows))]
    transcript.let_go(9)
    assert [roll.place(number) for number in range(9, 9 + len(roll.rows))] == places[9:]
    transcript.let_go(len(roll.rows))
    assert roll.size == 0


def test_a_tool_whose_beginning_is_not_here_is_told_all_the_same() -> None:
    done = {"type": "tool.done", "tool_id": "t9", "ok": False, "output": "x"}
    assert "a tool begun before" in lines(told(done, width=80))[0]


def test_an_event_that_cannot_be_read_is_told_of() -> None:
    assert "cannot read" in lines(told({"type": "notice", "message": 7}, width=200))[0]


@settings(max_examples=20)
@given(st.text(alphabet='a"\\\n日🎉\x01', min_size=1, max_size=40))
def test_a_long_event_comes_in_parts_that_are_the_whole(text: str) -> None:
    text *= 2 * PIECE_BYTES // len(text.encode()) + 7
    entry = entries({"type": "text.delta", "block": "1", "text": text})
    pieces = list(cut(entry, 0))
    assert len(pieces) > 1
    assert all(len(piece.line) < PIECE_BYTES + 300 for piece in pieces)
    parts = [said_of(piece.line).text for piece in pieces]
    is_whole = "".join(parts) == text  # compared here: a difference of such length is no good reading
    assert is_whole
    assert [said_of(piece.line).text for piece in cut(entry, pieces[1].key)] == parts[1:]


def test_of_a_long_output_the_beginning_is_kept() -> None:
    output = 'a "word" \\ and\n' * 20_000
    transcript = told({"type": "tool.done", "tool_id": "t", "ok": True, "output": output}, unfolded=True)
    assert transcript.roll.size < 300_000
    assert lines(transcript)[-1].startswith("… ") or "more" in "".join(lines(transcript)[-2:])


def test_slices_are_small_and_are_the_whole() -> None:
    entry = entries(*({"type": "text.delta", "block": "1", "text": "x" * 500} for _ in range(1000)))
    groups = list(slices(cut(entry, 0)))
    assert [piece.key for group in groups for piece in group] == [key_of(seq) for seq in range(1000)]
    assert max(len(group) for group in groups) < 100


def test_a_place_within_a_text_leads_to_its_row() -> None:
    transcript = told({"type": "text.delta", "block": "1", "text": "a" * 100}, width=40)
    assert transcript.find(Place(0, 85)) == 2
