"""The newest lines of the log, for who looks at them in this process."""

import asyncio
import logging
import threading

import pytest

from clinvk.telemetry.logging import LogRing

DEADLINE = 20.0


@pytest.fixture
def logger():
    """A logger of our own: what others log is not ours to count."""
    made = logging.getLogger("clinvk.ring-test")
    made.setLevel(logging.DEBUG)
    yield made
    made.handlers.clear()
    made.setLevel(logging.NOTSET)


@pytest.fixture
def ring(logger):
    made = LogRing(kept=5)
    logger.addHandler(made)
    return made


async def next_of(lines):
    async with asyncio.timeout(DEADLINE):
        return [line.message for line in await anext(lines)]


def waiting(lines):
    """The reader's next batch, asked for: it waits already."""
    return asyncio.get_running_loop().create_task(next_of(lines))


async def until(condition):
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0)


def test_a_line_is_the_message_with_its_fields(ring, logger):
    logger.info("a %s", "request", extra={"path": "/a\nb", "status": 200, "run_id": None})
    (line,) = ring.read()
    assert line.message == r'a request path="/a\nb" status=200'
    assert (line.seq, line.level, line.logger) == (0, "info", "clinvk.ring-test")
    assert line.at.endswith("Z")


def test_an_exception_stands_below_its_message(ring, logger):
    try:
        int("x")
    except ValueError:
        logger.exception("it failed")
    first, *_, last = ring.read()[0].message.splitlines()
    assert (first, last) == ("it failed", "ValueError: invalid literal for int() with base 10: 'x'")


def test_levels_are_four(ring, logger):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.log(level, "said")
    assert [line.level for line in ring.read()] == ["debug", "info", "warning", "error", "error"]


def test_the_oldest_lines_go_and_numbers_go_on(ring, logger):
    for number in range(8):
        logger.info("%d", number)
    assert [(line.seq, line.message) for line in ring.read()] == [(each, str(each)) for each in range(3, 8)]
    assert [line.seq for line in ring.read(6)] == [6, 7]
    assert [line.seq for line in ring.read(1)] == [3, 4, 5, 6, 7]
    assert ring.read(8) == ring.read(99) == []


async def test_a_reader_gets_what_there_is_then_what_comes(ring, logger):
    logger.info("before")
    lines = ring.follow()
    assert await next_of(lines) == ["before"]
    more = waiting(lines)
    await until(lambda: ring._waiting)
    for word in ("one", "two"):
        logger.info(word)
    assert await more == ["one", "two"]  # at once: it is woken once


async def test_a_line_of_another_thread_wakes_a_reader(ring, logger):
    more = waiting(ring.follow())
    await until(lambda: ring._waiting)
    thread = threading.Thread(target=logger.info, args=("from afar",))
    thread.start()
    assert await more == ["from afar"]
    thread.join()


async def test_a_reader_that_leaves_is_forgotten(ring, logger):
    more = waiting(ring.follow())
    await until(lambda: ring._waiting)
    more.cancel()
    with pytest.raises(asyncio.CancelledError):
        await more
    assert ring._waiting == []


async def test_a_reader_that_left_in_the_moment_of_a_line_does_no_harm(ring, logger):
    more = waiting(ring.follow())
    await until(lambda: ring._waiting)
    logger.info("too late")
    more.cancel()
    with pytest.raises(asyncio.CancelledError):
        await more
    assert [line.message for line in ring.read()] == ["too late"]


def test_a_loop_that_is_closed_holds_nobody_up(ring, logger):
    loop = asyncio.new_event_loop()
    ring._waiting.append((loop, loop.create_future()))
    loop.close()
    logger.info("said all the same")
    assert [line.message for line in ring.read()] == ["said all the same"]


def test_what_cannot_be_told_is_loggings_own_affair(ring, logger, monkeypatch, capsys):
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logger.propagate = False
    logger.info("%d of them", "no number")
    logger.propagate = True
    assert ring.read() == []
    assert "Logging error" in capsys.readouterr().err


def test_threads_that_log_at_once_lose_no_line(logger):
    ring = LogRing(kept=4000)
    logger.addHandler(ring)
    threads = [threading.Thread(target=lambda: [logger.info("x") for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.seq for line in ring.read()] == list(range(4000))


def test_once_installed_it_hears_every_logger():
    ring = LogRing()
    ring.install()
    try:
        logging.getLogger("clinvk.anything").error("heard")
    finally:
        logging.getLogger().removeHandler(ring)
    assert [line.message for line in ring.read()] == ["heard"]
