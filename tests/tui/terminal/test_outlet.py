"""What waits for a screen is bounded, whole and in order."""

from hypothesis import given
from hypothesis import strategies as st

from tui.terminal.outlet import Outlet


class Screen:
    """An outlet and what its screen has taken; a repaint writes `frame`."""

    def __init__(self, limit=10, frame="<frame>"):
        self.outlet = Outlet(self._wake, self._repaint, limit)
        self.frame = frame
        self.woken = self.repainted = 0
        self.taken = b""

    def _wake(self):
        self.woken += 1

    def _repaint(self):
        self.repainted += 1
        self.outlet.write(self.frame)

    def take(self, count=None):
        data = self.outlet.waiting()[:count]
        self.taken += data
        self.outlet.sent(len(data))


def test_what_is_written_is_taken_in_order_in_pieces_of_any_size():
    screen = Screen()
    for text in ("one", "two", "drei"):
        screen.outlet.write(text)
    screen.take(4)
    screen.take(1)
    screen.take()
    assert screen.taken == b"onetwodrei"
    assert screen.outlet.waiting() == b""
    assert screen.repainted == 0


def test_the_owner_is_woken_when_something_waits_and_nothing_did_before():
    screen = Screen()
    screen.outlet.write("")
    assert screen.woken == 0
    screen.outlet.write("a")
    screen.outlet.write("b")
    assert screen.woken == 1
    screen.take()
    screen.outlet.write("c")
    assert screen.woken == 2


def test_a_full_outlet_drops_whole_writes_until_all_was_taken_and_then_asks_for_a_frame_once():
    screen = Screen(limit=4)
    for text in ("abcd", "ef", "gh"):
        screen.outlet.write(text)
    screen.take(3)
    screen.outlet.write("ij")  # there is room again, but a part of a picture is worth nothing
    assert screen.outlet.stalled
    screen.take()
    assert not screen.outlet.stalled
    screen.take()
    assert (screen.taken, screen.repainted) == (b"abcd<frame>", 1)


def test_a_frame_of_any_size_gets_through():
    screen = Screen(limit=4, frame="x" * 1000)
    screen.outlet.write("\x1b[?")
    screen.outlet.write("y" * 1000)
    screen.outlet.write("z")
    screen.take()
    screen.take()
    assert screen.taken == b"\x1b[?" + b"y" * 1000 + b"x" * 1000


def test_what_is_no_text_is_shown_as_something_else():
    screen = Screen()
    screen.outlet.write("a\ud800b")
    screen.take()
    assert screen.taken == b"a?b"


@given(st.lists(st.one_of(st.text(max_size=8), st.integers(1, 30)), max_size=60), st.integers(1, 20))
def test_no_write_is_ever_cut_and_no_more_waits_than_promised(steps, limit):
    """Steps are writes, or so many bytes that the screen takes."""
    screen = Screen(limit, frame="")
    kept = []
    for step in steps:
        if isinstance(step, int):
            screen.take(step)
            continue
        before = screen.outlet.size
        screen.outlet.write(step)
        if screen.outlet.size > before:
            kept.append(step.encode("utf-8", "replace"))
        assert screen.outlet.size < limit + 8 * 4  # by one write of the longest
        assert len(screen.outlet.waiting()) == screen.outlet.size
    while screen.outlet.waiting():
        screen.take(3)
    assert screen.taken == b"".join(kept)
    assert not screen.outlet.stalled
