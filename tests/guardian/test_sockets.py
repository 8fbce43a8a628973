"""What a service manager opened is the server's alone, and it is the guardian whom the manager knows."""

import errno
import os
import socket
import sys
import time

import pytest

from clinvk import guardian
from tests.conftest import DEADLINE
from tests.ports import held

# Has a listening socket as descriptor 3, with the variables that name this process, or another.
PROGRAM = """if True:
    import os, sys
    sys.path.insert(0, sys.argv[1])
    os.dup2(int(sys.argv[2]), 3)
    if int(sys.argv[2]) != 3:
        os.close(int(sys.argv[2]))
    started = os.getpid()
    os.environ.update(LISTEN_FDS=sys.argv[4], LISTEN_PID=str(started if sys.argv[3] == "us" else started + 1))
    from clinvk import guardian
    guardian.guard()
    assert guardian.main_pid() == started != os.getpid()
    os.close(3)
    os.write(1, b"closed\\n")
    os.read(0, 1)
"""


def listens(address):
    with socket.socket() as client:
        client.settimeout(1)  # a queue of connections that nobody takes may be full
        return client.connect_ex(address) != errno.ECONNREFUSED


@pytest.mark.parametrize(
    ("whose", "count", "refused"), [("us", "1", True), ("others", "1", False), ("us", "x", False)]
)
def test_the_guardian_does_not_go_on_listening_where_the_server_has_closed(launch, root, whose, count, refused):
    waiting, going = os.pipe()
    reading, told = os.pipe()
    with held() as port:
        address = ("127.0.0.1", port)
        listening = socket.create_server(address)
        fd = listening.fileno()
        job = launch(
            [sys.executable, "-c", PROGRAM, str(root), str(fd), whose, count],
            stdin=waiting, stdout=told, pass_fds=[fd],
        )  # fmt: skip
        listening.close()
        for end in (waiting, told):
            os.close(end)
        assert os.read(reading, 7) == b"closed\n", job.errors
        # It is the server that says so, while the guardian may still be about to close its own.
        deadline = time.monotonic() + DEADLINE
        while refused and listens(address) and time.monotonic() < deadline:
            pass
        assert listens(address) != refused
    os.close(going)
    os.close(reading)
    assert job.code() == 0


def test_without_a_guardian_the_server_itself_is_known():
    assert guardian.main_pid() == os.getpid()
