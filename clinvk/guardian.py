"""The guardian: a tiny process above the server that lets nothing of the server's outlive it.

It is a subreaper: whatever loses its parent below it, by `setsid` or a double fork too, becomes its child,
and once the server is gone, however it went, each is killed. It stays in the server's process group, so
that a terminal and its shell see one job, and it knows only a little of the standard library, so that it stays
small.

What it cannot do: act while it is itself stopped, or after a SIGKILL sent to both (`kill -9 %1`).
"""

import contextlib
import ctypes
import os
import signal
import sys
import termios
import time

TYPE_CHECKING = False  # `typing` and what it loads would be a tenth of the guardian
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, SI_KERNEL = 1, 4, 36, 0x80
SIGNALS = signal.valid_signals()
LIMIT = 10.0  # seconds spent on what will not die: a process of another user, or one stuck in the kernel
KEYS = "CLINVK_API_KEYS"
ROUND = 0.005  # seconds between two rounds of killing in which nothing has ended

# Ends what a console was writing, and switches off what it may have switched on: the keyboard protocol before the
# screen, which keeps its own.
LEAVE_SCREEN = (
    b"\x18\x1b\\\x1b[?2026l\x1b[?2048l\x1b[?2004l\x1b[?1004l\x1b[?1006l\x1b[?1003l\x1b[?1000l"
    b"\x1b]22;default\x07\x1b[<u\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"
)

_guardian = 0  # its pid, in the server: the one fact that outlives `guard`


def guard() -> None:
    """Split in two and return in the server only; the guardian ends with the server's code (128 + signal).

    To be called before anything else is imported or started, while there is one thread. The server has the
    signal mask and the ignored signals it was started with, gets SIGTERM if the guardian dies, and is a
    subreaper itself. Ends the program with one line if this machine does not allow a guardian.

    Not on Linux: returns at once, with no guardian. What a killed server has started then lives on.
    """
    if sys.platform != "linux":
        return
    guardian = os.getpid()
    try:
        if KEYS in os.environ:
            close_to_others()
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        # What was there before, say the `tee` of `exec > >(tee log)`, is not the server's: it is spared.
        spared = set(_children())
    except OSError as error:
        sys.exit(f"clinvk: cannot guard what the server starts: {error}")
    # An ignored SIGCHLD may have been inherited, and would keep every exit status from us.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    modes = _modes()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    server = os.fork()
    if server == 0:
        _become_server(guardian, mask)
        return
    _let_go_of_sockets(guardian)
    status = _watch(server, spared, modes)
    _sweep(spared)
    # Last, when nobody is left who could change the terminal again.
    _restore(modes)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def close_to_others() -> None:
    """Let no process of the same user, an agent's say, read our memory or the environment we were started with.

    Root can all the same. What is forked from here is as closed, what it executes is not. Raises OSError.
    """
    if sys.platform == "linux":
        prctl(PR_SET_DUMPABLE, 0)


def orphaned() -> bool:
    """In the server: whether its guardian has died. Already true when that death's SIGTERM arrives."""
    return _guardian not in (0, os.getppid())


def main_pid() -> int:
    """In the server: the process that a service manager knows, which is the guardian where there is one."""
    return _guardian or os.getpid()


def _let_go_of_sockets(guardian: int) -> None:
    """Close what systemd opened for the server: held here too, it would go on listening through the drain."""
    count = os.environ.get("LISTEN_FDS", "")
    if os.environ.get("LISTEN_PID") == str(guardian) and count.isdecimal():
        os.closerange(3, 3 + int(count))


def _become_server(guardian: int, mask: set[int]) -> None:
    """Tie this process to the life of `guardian`, then let the signals in that `mask` does not block."""
    global _guardian  # noqa: PLW0603  a signal handler asks, and nobody could hand it in
    _guardian = guardian
    # SIGTERM, not SIGKILL: a server that has lost its guardian can still end its own children.
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if orphaned():  # it died before the line above
        os._exit(128 + signal.SIGTERM)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _watch(server: int, spared: set[int], modes: "list[Any] | None") -> int:
    """Pass on signals, stop with the server and reap orphans until the server has ended; its wait status."""
    while True:
        news = signal.sigwaitinfo(SIGNALS)
        if news.si_signo != signal.SIGCHLD:
            if _is_to_pass_on(news):
                os.kill(server, news.si_signo)
            continue
        status = _reap(server, spared)
        if status is None or os.WIFCONTINUED(status):
            continue
        if not os.WIFSTOPPED(status):
            return status
        if _shell_waits(os.WSTOPSIG(status)):
            _restore(modes)  # its console, if it could not, and takes the screen again when it goes on
            # The SIGCONT that ends this stop stays pending, and the loop passes it on.
            os.kill(os.getpid(), signal.SIGSTOP)


def _is_to_pass_on(news: signal.struct_siginfo) -> bool:
    """Whether the server needs to be told: what a terminal sends, it sends to the whole group."""
    # Two exceptions: one SIGCONT too many does no harm, and a hang-up goes to the session's leader alone.
    if news.si_code != SI_KERNEL or news.si_signo == signal.SIGCONT:
        return True
    return news.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid()


def _shell_waits(stop: int) -> bool:
    """Whether the guardian must stop too, now that `stop` stopped the server, to give a shell its prompt.

    A plain SIGSTOP may come from anyone, who then continues the server alone and would leave the guardian
    stopped: it counts only where a shell is above and has given us the terminal.
    """
    if stop != signal.SIGSTOP:
        return True
    with contextlib.suppress(OSError), _terminal():
        return os.getsid(0) != os.getpid()
    return False


def _reap(server: int, spared: set[int]) -> int | None:
    """Collect every child that has ended; the latest wait status of `server`, None if there is no news."""
    latest = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                break
            if pid == server:
                latest = status
            elif os.WIFEXITED(status) or os.WIFSIGNALED(status):
                spared.discard(pid)  # the number may now come to name another
    return latest


def _sweep(spared: set[int]) -> None:
    """Kill every descendant but `spared` until none is left; after `LIMIT` seconds say which are, and go."""
    deadline = time.monotonic() + LIMIT
    while True:
        _reap(0, spared)
        # Children only: until reaped their numbers name nobody else, and what they leave becomes ours at once.
        left = [pid for pid in _children() if pid not in spared]
        if not left or time.monotonic() > deadline:
            break
        for pid in left:
            with contextlib.suppress(PermissionError):
                os.kill(pid, signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, ROUND)
    if left:
        with contextlib.suppress(OSError):  # nobody may be listening any more
            os.write(2, f"clinvk: could not end these processes: {left}\n".encode())


def _children() -> list[int]:
    """Our own children, zombies included. None is missed: they leave the list only when we reap them."""
    me = os.getpid()
    if os.readlink("/proc/self") != str(me):  # noqa: PTH115  standard library, and few
        raise OSError("/proc is that of another pid namespace")
    try:
        with open(f"/proc/self/task/{me}/children", "rb") as file:  # noqa: PTH123  as above
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:  # a kernel built without CONFIG_PROC_CHILDREN
        from clinvk import processes  # noqa: PLC0415  what is seldom needed is not held for the server's whole life

        return [process.pid for process in processes.table().values() if process.ppid == me]


@contextlib.contextmanager
def _terminal() -> "Iterator[int]":
    """The controlling terminal, opened; OSError unless this job is in its foreground."""
    # Opened anew each time: held open it would outlive its hang-up. Never blocking: Ctrl-S may hold it.
    fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        if os.tcgetpgrp(fd) != os.getpgrp():
            raise PermissionError("in the background")
        yield fd
    finally:
        os.close(fd)


def _modes() -> "list[Any] | None":
    """The terminal's modes; None without one, and in the background, where they are the shell's own."""
    with contextlib.suppress(OSError, termios.error), _terminal() as fd:
        return termios.tcgetattr(fd)
    return None


def _restore(modes: "list[Any] | None") -> None:
    """Give the terminal back as it was, unless another job has it by now."""
    with contextlib.suppress(OSError, termios.error), _terminal() as fd:
        # Only a console reads keys as they come. Headless again, its screen is not ours to leave.
        if "--tui" in sys.argv and not termios.tcgetattr(fd)[3] & termios.ICANON:
            termios.tcflush(fd, termios.TCOFLUSH)  # frames that nobody took would keep us out
            os.write(fd, LEAVE_SCREEN)
        if modes:
            termios.tcsetattr(fd, termios.TCSANOW, modes)


def prctl(option: int, value: int) -> None:
    call = ctypes.CDLL(None, use_errno=True).prctl
    call.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if call(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")
