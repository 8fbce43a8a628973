"""What there is to tell of the connection."""

import asyncio

import pytest

from clinvk.clock import SystemClock
from clinvk.remote.log import Attempts, ConnectionLog
from tests.remote.reading import Reader
from tests.remote.test_journal import note


def told(lines):
    return [(line.seq, line.level, line.message) for line in lines]


async def test_a_connection_from_its_begin_to_the_next(server, relay, monitor):
    log, journal = Reader(monitor.log()), Reader(monitor.events())
    note(server, "a")
    await journal.take(1)
    relay.cut()
    note(server, "b")
    await journal.take(1)
    assert told(await log.take(3)) == [
        (0, "info", "runs: connected"),
        (1, "warning", f"runs: {relay.url} broke the connection off; trying again"),
        (2, "info", "runs: connected again"),
    ]
    assert {line.logger for line in log.seen} == {"clinvk.remote"}
    await journal.close()
    await log.close()


async def test_the_same_trouble_is_told_once(relay, monitor):
    relay.down = True
    log, journal = Reader(monitor.log()), Reader(monitor.events())
    reading = asyncio.ensure_future(journal.take(1))
    await relay.until(lambda: relay.opened >= 3)
    assert len(await log.take(1)) == 1
    reading.cancel()
    await asyncio.wait({reading})
    await log.close()


async def test_it_can_be_read_from_any_line_and_says_what_comes():
    log = ConnectionLog(SystemClock())
    for word in "abc":
        log.tell("info", word)
    reader = Reader(log.follow(1))
    assert [line.message for line in await reader.take(2)] == ["b", "c"]
    coming = asyncio.ensure_future(reader.take(1))
    await asyncio.sleep(0)
    log.tell("error", "d")
    assert told(await coming) == [(3, "error", "d")]
    await reader.close()


async def test_it_keeps_a_thousand_lines():
    log = ConnectionLog(SystemClock())
    for number in range(1500):
        log.tell("info", str(number))
    reader = Reader(log.follow())
    assert [line.seq for line in await reader.take(1)] == list(range(500, 1500))
    await reader.close()


async def test_pauses_grow_to_five_seconds_and_begin_anew_once_something_came(monkeypatch):
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    attempts = Attempts(ConnectionLog(SystemClock()), "x")
    for _ in range(2000):
        await attempts.pause("away")
    for number, pause in enumerate(pauses):
        longest = min(5, 0.25 * 2 ** min(number, 20))
        assert longest / 2 <= pause <= longest
    attempts.heard()
    await attempts.pause("away")
    assert pauses[-1] <= 0.25
    assert len(set(pauses)) > 1000, "they are not in step"


@pytest.mark.parametrize("level", ["info"])
async def test_who_follows_it_can_leave(level):
    log = ConnectionLog(SystemClock())
    reading = asyncio.ensure_future(anext(log.follow()))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    log.tell(level, "nobody hears it")
