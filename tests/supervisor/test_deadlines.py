"""The clocks of a run stand still while the server does."""

import asyncio

from clinvk.supervisor.deadlines import AttendedTime, Deadlines, Patience


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def wall(self):
        return self.now


def test_time_passes_while_it_is_looked_at():
    clock = HandClock()
    time = AttendedTime(clock)
    began = time.now()
    for _ in range(10):
        clock.now += 1.0
        time.now()
    assert time.now() - began == 10.0


def test_a_suspension_does_not_count():
    clock = HandClock()
    time = AttendedTime(clock)
    began = time.now()
    clock.now += 3600.0
    assert time.now() - began < 1.0
    clock.now += 1.0
    assert time.now() - began < 2.0


async def test_a_run_is_not_overdue_after_a_suspension():
    clock = HandClock()
    time = AttendedTime(clock)
    struck = []
    deadlines = Deadlines(time, Patience(None, None, 1.0), struck.append)
    clock.now += 3600.0  # the machine slept; the loop's own timer fires soon after
    deadlines._look()
    assert struck == []
    clock.now += 1.0
    deadlines._look()
    assert struck == ["The run took longer than its total of 1 s"]


async def test_silence_is_counted_from_the_last_output():
    clock = HandClock()
    time = AttendedTime(clock)
    struck = []
    deadlines = Deadlines(time, Patience(1.0, 1.5, None), struck.append)
    deadlines.heard(substance=False)
    clock.now += 0.9
    deadlines.heard(substance=True)
    for _ in range(3):
        clock.now += 1.4
        deadlines._look()
        deadlines.heard(substance=False)
    assert struck == []
    clock.now += 1.5
    deadlines._look()
    assert struck == ["No output for 1.5 s (idle timeout)"]


async def test_a_run_without_limits_has_no_timer():
    deadlines = Deadlines(AttendedTime(HandClock()), Patience(None, None, None), lambda _: None)
    deadlines.heard(substance=True)
    assert deadlines._timer is None
    await asyncio.sleep(0)
