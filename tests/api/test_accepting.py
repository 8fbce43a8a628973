"""Out of descriptors at the door: who comes then waits, and is taken when there are some again."""

import asyncio
import errno
import logging
import socket

import pytest

from clinvk.api.accepting import Acceptor

DEADLINE = 20.0


class Exhausted(socket.socket):
    """One whose process has no descriptors for the first few connections."""

    failing = 3
    number = errno.EMFILE

    def accept(self):
        if self.failing:
            self.failing -= 1
            raise OSError(self.number, "Too many open files")
        return super().accept()


@pytest.fixture
def listening():
    with Exhausted() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        one.setblocking(False)
        yield one


@pytest.fixture
def taken():
    """Connections that were taken, each closed."""
    return asyncio.Queue()


def acceptor(listening, taken):
    def take(connection, _address):
        connection.close()
        taken.put_nowait(connection)

    return Acceptor(listening, take)


async def test_who_comes_then_waits_and_it_is_told_once(listening, taken, caplog):
    caplog.set_level(logging.WARNING)
    door = acceptor(listening, taken)
    with socket.create_connection(listening.getsockname()):
        async with asyncio.timeout(DEADLINE):
            await taken.get()
    door.remove()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["connections have to wait: Too many open files"]


async def test_it_may_be_closed_meanwhile(listening, taken):
    listening.failing = 1000
    door = acceptor(listening, taken)
    with socket.create_connection(listening.getsockname()):
        async with asyncio.timeout(DEADLINE):
            while listening.failing == 1000:
                await asyncio.sleep(0)
    door.remove()
    assert taken.empty()


async def test_another_failure_is_a_fault_of_ours(listening, taken):
    listening.number = errno.EINVAL
    heard = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.done() or heard.set_result(context))
    door = acceptor(listening, taken)
    with socket.create_connection(listening.getsockname()):
        async with asyncio.timeout(DEADLINE):
            assert (await heard)["exception"].errno == errno.EINVAL
    door.remove()
