"""The pulse of the server: requests by second, delays of the loop, memory."""

import asyncio

import pytest

from clinvk.clock import SystemClock
from clinvk.telemetry import pulse
from clinvk.telemetry.pulse import Gauge


class Hand:
    """A clock that stands where it is put."""

    def __init__(self):
        self.at = 1000.5

    def wall(self):
        raise AssertionError("nothing here is told by the calendar")

    def monotonic(self):
        return self.at


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def gauge(hand):
    return Gauge(hand)


def test_requests_are_counted_in_their_second_the_newest_last(gauge, hand):
    for after, failed in ((0, False), (0.4, True), (0.2, False), (2, False)):
        hand.at += after
        gauge.count(failed=failed)
    read = gauge.read()
    assert (read.requests[-4:], read.failures[-4:]) == ((2, 1, 0, 1), (1, 0, 0, 0))
    assert (len(read.requests), len(read.failures), sum(read.requests)) == (60, 60, 4)


@pytest.mark.parametrize(("after", "left"), [(59, 1), (60, 0), (61, 0), (100_000, 0)])
def test_what_is_a_minute_old_is_not_told_any_more(gauge, hand, after, left):
    gauge.count(failed=True)
    hand.at += after
    read = gauge.read()
    assert (sum(read.requests), sum(read.failures)) == (left, left)


async def test_the_lag_is_the_longest_that_the_loop_came_late_of_the_last_beats(gauge, hand, monkeypatch):
    monkeypatch.setattr(pulse, "_BEAT_SECS", 0.0)
    late = iter([0.002, 0.0404, 0.001] + [0.003] * 20)
    told = []

    async def sleep(_seconds):
        told.append(gauge.read().loop_lag_ms)
        hand.at += next(late, None) or await asyncio.Event().wait()

    monkeypatch.setattr(pulse.asyncio, "sleep", sleep)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await gauge.beat()
    assert told[:4] == [0.0, 2.0, 40.4, 40.4]
    assert told[-1] == 3.0


async def test_a_loop_that_is_held_shows_in_the_lag():
    clock = SystemClock()
    gauge = Gauge(clock)
    beat = asyncio.get_running_loop().create_task(gauge.beat())
    await asyncio.sleep(0)
    begun = clock.monotonic()
    while clock.monotonic() < begun + 0.35:  # nobody else can do anything meanwhile
        pass
    async with asyncio.timeout(20):
        while not gauge.read().loop_lag_ms:
            await asyncio.sleep(0)
    assert gauge.read().loop_lag_ms >= 90
    beat.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beat


def test_the_memory_is_our_own(gauge):
    assert 10 << 20 < gauge.read().memory_bytes < 4 << 30


def test_where_the_system_tells_less_the_memory_is_the_most_there_was(gauge, monkeypatch):
    def refused(*_):
        raise FileNotFoundError

    monkeypatch.setattr(pulse, "open", refused, raising=False)
    assert 10 << 20 < gauge.read().memory_bytes < 4 << 30
