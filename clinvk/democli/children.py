"""Processes that outlive the turn that started them: what a supervisor must find, and kill in the end."""

import os
import signal
from collections.abc import Callable

_HELLO = b"Hello from the demo backend's server"
_ANSWER = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\n" % (
    len(_HELLO) + 1,
    _HELLO,
)


def start() -> dict[str, int]:
    """Start four processes that sleep for a day: what each is, and its pid. When it returns, they are so."""
    # Each closes the pipe's far end by its exec: when it has ended, each is what it is said to be.
    reader, writer = os.pipe()
    pids = {
        "plain": _fork(_let_go),
        "session of its own": _fork(_leave),
        "deaf to TERM, INT and HUP": _fork(_turn_deaf),
    }
    middle = _fork(lambda: _orphan(writer))
    os.close(writer)
    with os.fdopen(reader) as told:
        pids["double-forked, empty environment, session of its own, holds stdout"] = int(told.read())
    os.waitpid(middle, 0)
    return pids


def serve() -> tuple[int, int]:
    """Start a server that answers HTTP on a free port of the loopback: its pid and its port."""
    import socket  # noqa: PLC0415  it takes 5 ms to load, and hardly a turn needs it

    def answer_all() -> None:
        _leave()
        while True:
            with listening.accept()[0] as connection:
                _answer(connection.fileno())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        return _fork(answer_all), listening.getsockname()[1]


def _answer(connection: int) -> None:
    try:
        os.read(connection, 4096)
        os.write(connection, _ANSWER)
    except OSError:  # who leaves early is no reason to end
        return


def _fork(become: Callable[[], None]) -> int:
    """A copy of this process that is made what it shall be, and then sleeps. Its pid."""
    if pid := os.fork():
        return pid
    try:
        become()
        os.execvp("sleep", ["sleep", "86400"])  # noqa: S606, S607  no shell, and PATH is the user's
    finally:
        os._exit(127)


def _let_go(*descriptors: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors or (0, 1, 2):
        os.dup2(nowhere, descriptor)


def _leave() -> None:
    _let_go()
    os.setsid()


def _turn_deaf() -> None:
    _let_go()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _orphan(writer: int) -> None:
    _let_go(0, 2)
    os.setsid()
    if pid := os.fork():
        os.write(writer, str(pid).encode())
        os._exit(0)
    os.environ.clear()
