"""Out of descriptors: those who come have to wait, the server does nothing in vain, and then they are served."""

import asyncio
import contextlib
import errno
import logging
import os
import socket

from clinvk.api import accepting
from clinvk.api.accepting import Door
from tests.api.client import DEADLINE
from tests.descriptors import no_descriptors


@contextlib.contextmanager
def listening():
    """A socket that listens, as the server has it."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        one.setblocking(False)
        yield one


async def test_who_comes_when_there_is_no_descriptor_left_waits_and_is_taken(caplog, monkeypatch):
    monkeypatch.setattr(accepting, "_PAUSE_SECS", 0.01)
    taken = asyncio.get_running_loop().create_future()
    tries, thrice = [], asyncio.Event()
    with listening() as server, socket.socket() as client:
        client.setblocking(False)

        class Counted:
            """The socket, and how often somebody was to be taken from it."""

            fileno = server.fileno

            def accept(self):
                tries.append(1)
                if len(tries) == 3:
                    thrice.set()
                return server.accept()

        door = Door(Counted(), lambda connection, _: taken.set_result(connection))
        with no_descriptors() as again, caplog.at_level(logging.WARNING):
            with contextlib.suppress(BlockingIOError):
                client.connect(server.getsockname())
            async with asyncio.timeout(DEADLINE):
                await thrice.wait()
            again()
            async with asyncio.timeout(DEADLINE):
                (await taken).close()
        door.close()
    (told,) = caplog.messages
    assert told == f"connections have to wait: {os.strerror(errno.EMFILE)}"


async def test_a_closed_door_waits_for_nothing():
    with listening() as server:
        waiting = asyncio.Event()

        class Full:
            fileno = server.fileno

            def accept(self):
                waiting.set()
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        door = Door(Full(), lambda *_: None)
        with socket.create_connection(server.getsockname()):
            async with asyncio.timeout(DEADLINE):
                await waiting.wait()
            timer = door._timer
            door.close()
            assert timer.cancelled()
