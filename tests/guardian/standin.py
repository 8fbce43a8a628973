"""A stand-in for the server: `standin.py REPORTS ACTION...` calls `guard` and says on a FIFO what happens to it.

Actions, in order: plain, setsid, orphan, deaf, chain (start such a straggler), raw (put the terminal into raw
mode), abort, exit=CODE. Then it waits for signals and reports each; SIGTERM and SIGHUP end it, unless `stay`
is among the actions. What it starts holds the FIFO open too: its end says that all of them are gone.
"""

import contextlib
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import sys
import tty
from typing import NoReturn

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from clinvk import guardian

JOB_CONTROL = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
WAITED_FOR = signal.valid_signals() - JOB_CONTROL - {signal.SIGCHLD}
SLEEP = shutil.which("sleep") or "/bin/sleep"


def report(pipe: int, event: str, **facts: object) -> None:
    os.write(pipe, json.dumps({"event": event, "pid": os.getpid(), **facts}).encode() + b"\n")


def straggle(pipe: int, kind: str) -> None:
    """Start a process that has no intention to end, and return when it has reported."""
    waiting, started = os.pipe()
    if os.fork():
        os.close(started)
        os.read(waiting, 1)
        os.close(waiting)
        return
    if kind == "orphan" and os.fork():
        os._exit(0)
    if kind in ("setsid", "orphan"):
        os.setsid()
    if kind == "deaf":
        for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signo, signal.SIG_IGN)
    report(pipe, "straggler", kind=kind)
    os.close(started)
    if kind == "chain":
        run_away(pipe)
    os.execve(SLEEP, ["sleep", "1000"], {} if kind == "orphan" else dict(os.environ))


def run_away(pipe: int) -> NoReturn:
    """Go on in one child after the other, so that no pid lives for long, while the test listens."""
    listener = select.poll()
    listener.register(pipe, 0)
    while not listener.poll(0):
        with contextlib.suppress(BlockingIOError):  # no process to be had at the moment
            if os.fork():
                os._exit(0)
            os.setsid()
    os._exit(0)


def act(pipe: int, action: str) -> None:
    match action:
        case "plain" | "setsid" | "orphan" | "deaf" | "chain":
            straggle(pipe, action)
        case "raw":
            tty.setraw(0)
            report(pipe, "raw")
        case "abort":
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.abort()
        case _ if action.startswith("exit="):
            sys.exit(int(action.removeprefix("exit=")))


def main() -> None:
    guardian.guard()
    pipe = os.open(sys.argv[1], os.O_WRONLY)
    os.set_inheritable(pipe, True)
    blocked = sorted(int(signo) for signo in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    ignored = [int(signo) for signo in signal.Signals if signal.getsignal(signo) is signal.SIG_IGN]
    actions = sys.argv[2:]
    for action in actions:
        act(pipe, action)
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)
    report(pipe, "ready", ppid=os.getppid(), pgid=os.getpgrp(), blocked=blocked, ignored=ignored)
    while True:
        info = signal.sigwaitinfo(WAITED_FOR)
        name = signal.Signals(info.si_signo).name
        by_kernel = info.si_code == guardian.SI_KERNEL
        report(pipe, name, by_kernel=by_kernel, sender=info.si_pid, orphaned=guardian.orphaned())
        if info.si_signo in (signal.SIGTERM, signal.SIGHUP) and "stay" not in actions:
            sys.exit(0)


if __name__ == "__main__":
    main()
