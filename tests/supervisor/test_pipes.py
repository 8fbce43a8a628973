"""The pipes of children: what is read of them, and how much at a time."""

import asyncio
import os

import pytest

from clinvk.supervisor.pipes import ReadPipe

FULL = 64 << 10


class Pipe:
    """One that is full, and the sizes of the pieces that were heard of it."""

    def __init__(self):
        fd, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self.filled = 0
        self.heard = []
        self.fill()
        self.end = ReadPipe(fd, lambda data: self.heard.append(len(data)))

    def fill(self):
        """Write as much as fits."""
        try:
            while written := os.write(self._writer, b"x" * 4096):
                self.filled += written
        except BlockingIOError:
            return

    def close(self):
        os.close(self._writer)
        self.end.close()


@pytest.fixture
def full(monkeypatch):
    """Makes full pipes, the only ones there are."""
    monkeypatch.setattr(ReadPipe, "_behind", set())
    made = []

    def make(count):
        made.extend(Pipe() for _ in range(count))
        return made

    yield make
    for pipe in made:
        pipe.close()


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_that_is_alone_is_read_in_large_pieces(full):
    (pipe,) = full(1)
    await turns(2)
    assert pipe.heard[0] == FULL


async def test_many_that_are_full_share_a_turn_of_the_loop_and_all_get_on(full):
    pipes = full(16)
    await turns(2)
    for pipe in pipes:
        pipe.heard.clear()
        pipe.fill()
    await turns(2)
    assert all(pipe.heard for pipe in pipes)
    assert sum(pipe.heard[0] for pipe in pipes) <= FULL


async def test_all_that_was_written_is_heard_whoever_shared_with_whom(full):
    pipes = full(5)
    async with asyncio.timeout(20):
        while any(sum(pipe.heard) < pipe.filled for pipe in pipes):
            await asyncio.sleep(0)
    for pipe in pipes:
        pipe.end.close()
    assert ReadPipe._behind == set()


async def test_one_that_is_paused_takes_no_share(full):
    pipes = full(4)
    await turns(2)
    for pipe in pipes[1:]:
        pipe.end.pause()
    pipes[0].fill()
    pipes[0].heard.clear()
    await turns(2)
    assert pipes[0].heard[0] == FULL
