"""A CLI that ends badly, or does not end: on a cue, which is SIGUSR1. It speaks the demo child's protocol.

Usage: runaway.py FAULT [ARGUMENT…]; each function below whose name begins with `fault_` is one. What it leaves
ends by itself after a while, lest a test that fails leaves it for good.
"""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

LIFE = 120.0
"""Seconds after which what was left ends by itself."""
CUE = signal.SIGUSR1
HOPS = 400
"""How often a process that will not stay the same forks, at most: each time leaves a number in use for a while."""
DEAF = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def say(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def prompt() -> str:
    """The turn of the next prompt; the program ends with its stdin."""
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "prompt":
            say(type="conversation", turn=message["turn"], id=message["conversation"] or "demo-" + "0" * 16)
            return str(message["turn"])
    sys.exit(0)


def text(turn: str, words: str) -> None:
    say(type="text", turn=turn, block="1", text=words)


def done(turn: str, error: object = None) -> None:
    say(type="text_end", turn=turn, block="1")
    say(type="done", turn=turn, stop_reason=None if error else "end_turn", error=error)


def live() -> NoReturn:
    time.sleep(LIFE)
    os._exit(0)


def wait_for_end() -> NoReturn:
    sys.stdin.read()
    os._exit(0)


def fork(become: Callable[[], None]) -> int:
    """A process that is made what it shall be, and then lives for a while; its pid."""
    if pid := os.fork():
        return pid
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        become()
        live()
    finally:
        os._exit(127)


def sleep_instead(environment: dict[str, str]) -> NoReturn:
    os.execve("/bin/sleep", ["sleep", str(LIFE)], environment)


def tools() -> list[int]:
    """Four that do not want to end: a plain one, one in a session of its own, one deaf to TERM, and one that
    forked twice into a session of its own and has an empty environment."""
    reader, writer = os.pipe()

    def leave_twice() -> None:
        os.setsid()
        if pid := os.fork():
            os.write(writer, str(pid).encode())
            os._exit(0)
        sleep_instead({})

    pids = [fork(lambda: sleep_instead(dict(os.environ))), fork(os.setsid)]
    pids.append(fork(lambda: [signal.signal(number, signal.SIG_IGN) for number in DEAF] and None))
    middle = fork(leave_twice)
    pids.append(int(os.read(reader, 20)))
    os.waitpid(middle, 0)
    return pids


def end(how: str, turn: str) -> NoReturn:
    match how:
        case "answer":
            done(turn)
            wait_for_end()
        case "fail":
            done(turn, {"code": "backend_failed", "message": "it did not work"})
            wait_for_end()
        case "exit":
            sys.stderr.write("this is how it ended\n")
            sys.stderr.flush()
            os._exit(9)
        case "quit":
            os._exit(0)
    os.kill(os.getpid(), getattr(signal, how))
    live()


def fault_cue(how: str) -> None:
    """Ends so once it is told to."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {CUE})
    turn = prompt()
    text(turn, "pid 0 ")
    signal.sigwait({CUE})
    end(how, turn)


def fault_tools(how: str) -> None:
    """Starts tools, tells their pids, and ends so once it is told to, without them."""
    turn = prompt()
    told = tools()
    signal.pthread_sigmask(signal.SIG_BLOCK, {CUE})
    text(turn, "".join(f"pid {pid} " for pid in told))
    signal.sigwait({CUE})
    end(how, turn)


def fault_unwilling() -> None:
    """Says nothing at all, reads nothing, and hears neither TERM nor INT."""
    for number in DEAF:
        signal.signal(number, signal.SIG_IGN)
    live()


def fault_gigabyte() -> None:
    """Writes 1 GB of text, as fast as it is read."""
    turn = prompt()
    line = json.dumps({"type": "text", "turn": turn, "block": "1", "text": "x" * 65536}).encode() + b"\n"
    with contextlib.suppress(BrokenPipeError):
        for _ in range((1 << 30) // 65536):
            os.write(1, line)
    done(turn)
    wait_for_end()


def fault_endless_line() -> None:
    """Writes 1 GB, and never ends the line."""
    turn = prompt()
    text(turn, "pid 0 ")
    with contextlib.suppress(BrokenPipeError):
        for _ in range((1 << 30) // 65536):
            os.write(1, b"x" * 65536)
    live()


def hop() -> None:
    """Go on as one's own child, again and again: nobody who looks finds the same process twice."""
    for _ in range(HOPS):
        if os.fork():
            os._exit(0)
        time.sleep(0.02)


def nest(depth: int, width: int) -> None:
    """A tree of processes below this one, each with `width` children."""
    for _ in range(width if depth else 0):
        if os.fork() == 0:
            nest(depth - 1, width)
            live()


def fault_forks(depth: str, width: str, hoppers: str) -> None:
    """A tree of processes, and some beside it that fork on and on."""
    turn = prompt()
    fork(lambda: nest(int(depth), int(width)))
    for _ in range(int(hoppers)):
        fork(hop)
    text(turn, "pid 0 ")
    live()


def fault_memory() -> None:
    """Takes more and more memory, 1 GB at most."""
    turn = prompt()
    text(turn, "pid 0 ")
    held = []
    for _ in range(64):
        held.append(b"x" * (16 << 20))
        time.sleep(0.02)
    live()


def fault_where() -> None:
    """An answer at once."""
    turn = prompt()
    text(turn, "fine")
    done(turn)
    wait_for_end()


if __name__ == "__main__":
    globals()["fault_" + sys.argv[1].replace("-", "_")](*sys.argv[2:])
