"""A CLI that misbehaves on request. It speaks the demo child's protocol as far as its fault lets it.

Usage: fakecli.py FAULT [ARGUMENT…]; each function below whose name begins with `fault_` is one.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parent))  # run with -I, Python does not look there

from wire import answer, done, prompt, say, text, wait_for_end


def sleep_for_ever() -> NoReturn:
    while True:
        time.sleep(3600)


def fork(child: Any) -> int:
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0)
    return pid


def fault_none() -> None:
    turn = prompt()["turn"]
    answer(turn, "fine")


def fault_forgetful() -> None:
    """Knows no conversation that is older than itself."""
    message = prompt()
    turn, conversation = message["turn"], message["conversation"]
    if conversation:
        say(type="done", turn=turn, error={"code": "resume_failed", "message": f"There is no {conversation}"})
        wait_for_end()
    say(type="conversation", turn=turn, id="a-new-one")
    answer(turn, "nice to meet you")


def fault_bound(then: str) -> None:
    """Names its conversation, that which it was given if any, and shows its TMPDIR; then ends, or waits."""
    message = prompt()
    turn = message["turn"]
    say(type="conversation", turn=turn, id=message["conversation"] or "kept")
    text(turn, os.environ["TMPDIR"])
    if then == "wait":
        wait_for_end()
    done(turn)
    wait_for_end()


def fault_edit(path: str) -> None:
    """Asks whether it may edit that file, and says what it was told."""
    message = prompt()
    turn = message["turn"]
    say(type="ask", turn=turn, ask="1", tool="edit", action="edit", paths=[path])
    told = json.loads(sys.stdin.readline())
    answer(turn, "yes" if told["allow"] else "no")


def fault_where() -> None:
    """Says which folder it works in."""
    turn = prompt()["turn"]
    answer(turn, str(Path.cwd()))


def fault_touch() -> None:
    """Leaves a file in the folder it works in."""
    Path("touched").touch()
    fault_none()


def fault_exit(code: str) -> None:
    """Ends before it reads anything."""
    sys.stderr.write("something was wrong\nthe last line says it\n")
    sys.exit(int(code))


def fault_die(name: str) -> None:
    text(prompt()["turn"], "last words")
    os.kill(os.getpid(), getattr(signal, name))


def fault_no_result() -> None:
    text(prompt()["turn"], "half an answer")


def fault_unread() -> None:
    """Never reads its stdin."""
    sleep_for_ever()


def fault_deaf() -> None:
    """Hears neither its stdin's end nor TERM nor INT."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    text(prompt()["turn"], "I do not listen")
    sleep_for_ever()


def fault_deaf_after_answer() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    turn = prompt()["turn"]
    text(turn, "fine")
    done(turn)
    sleep_for_ever()


def fault_grandchild(then: str) -> None:
    """Leaves a grandchild that holds its stdout, then answers, or crashes."""
    turn = prompt()["turn"]
    text(turn, str(fork(sleep_for_ever)))
    if then == "answer":
        done(turn)
        wait_for_end()
    os._exit(9)


def fault_orphan_later() -> None:
    """Its grandchild is orphaned only when an ask has been answered; it has no marker, and its own session."""
    turn = prompt()["turn"]
    told, tell = os.pipe()
    held, hold = os.pipe()

    def middle() -> None:
        os.setsid()
        os.close(hold)
        script = "sleep 86400 >/dev/null 2>&1 & echo $! >&3; read line"
        os.dup2(held, 0)
        os.dup2(tell, 3)
        os.execve("/bin/sh", ["sh", "-c", script], {"PATH": os.environ["PATH"]})

    pid = fork(middle)
    orphan = os.read(told, 20).decode().strip()
    text(turn, orphan)
    say(type="ask", turn=turn, ask="1", tool="t", action="other", paths=[], detail=None)
    sys.stdin.readline()
    os.close(hold)
    os.waitpid(pid, 0)
    text(turn, " orphaned")
    sleep_for_ever()


def fault_traceless() -> None:
    """Starts a process that nothing tells of whose it is, once it is in a control group; says its number."""
    turn = prompt()["turn"]
    while "/clinvk-" not in Path("/proc/self/cgroup").read_text():
        os.sched_yield()
    told, tell = os.pipe()

    def middle() -> None:
        os.setsid()
        os.dup2(tell, 3)
        # It is orphaned, and has a session, before anybody is told.
        script = "exec setsid sh -c 'echo $$ >&3; exec sleep 86400 3>&- >/dev/null 2>&1' &"
        os.execve("/bin/sh", ["sh", "-c", script], {"PATH": os.environ["PATH"]})

    os.waitpid(fork(middle), 0)
    text(turn, os.read(told, 20).decode().strip())
    sleep_for_ever()


def fault_eat(size: str) -> None:
    """Holds so many bytes."""
    turn = prompt()["turn"]
    held = b"x" * int(size)
    text(turn, f"{len(held)} eaten")
    sleep_for_ever()


def fault_eat_below(size: str) -> None:
    """Has a process in a session of its own hold them, and hears nothing of an end."""

    def eat() -> None:
        os.setsid()
        held = b"x" * int(size)
        print(len(held), file=sys.stderr, flush=True)
        sleep_for_ever()

    fork(eat)
    fault_deaf()


def fault_share(size: str) -> None:
    """Holds so many bytes together with three others, who look at them."""
    turn = prompt()["turn"]
    held = b"x" * int(size)
    told, tell = os.pipe()

    def look() -> None:
        os.write(tell, b"." if held.count(b"x") == len(held) else b"-")
        sleep_for_ever()

    for _ in range(3):
        fork(look)
    for _ in range(3):
        os.read(told, 1)
    text(turn, "shared")
    sleep_for_ever()


def fault_one_line(size: str) -> None:
    turn = prompt()["turn"]
    answer(turn, "x" * int(size))


def fault_not_utf8() -> None:
    turn = prompt()["turn"]
    line = json.dumps({"type": "text", "turn": turn, "block": "1", "text": "before % after"})
    sys.stdout.buffer.write(line.encode().replace(b"%", b"\xff\xfe") + b"\n")
    sys.stdout.buffer.flush()
    done(turn)
    wait_for_end()


def fault_then_silent() -> None:
    text(prompt()["turn"], "and then nothing")
    sleep_for_ever()


def fault_mute() -> None:
    """Closes its output in the middle of the answer, and lives on."""
    text(prompt()["turn"], f"pid {os.getpid()}")
    os.close(1)
    sleep_for_ever()


def fault_stopped() -> None:
    """Stops itself in the middle of the answer. It ends well at TERM, if it hears that."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    turn = prompt()["turn"]
    text(turn, f"pid {os.getpid()}")
    os.kill(os.getpid(), signal.SIGSTOP)
    sleep_for_ever()


def fault_chatty() -> None:
    """Talks without end."""
    turn = prompt()["turn"]
    while True:
        text(turn, "word " * 100)


def fault_slowly(seconds: str) -> None:
    """A word every now and then, for ever."""
    turn = prompt()["turn"]
    while True:
        text(turn, "word ")
        time.sleep(float(seconds))


def fault_environment() -> None:
    turn = prompt()["turn"]
    answer(turn, json.dumps(dict(os.environ)))


def fault_stderr(size: str) -> None:
    sys.stderr.write("e" * int(size) + "\nthe end of it\n")
    sys.exit(1)


def fault_two_turn_ends() -> None:
    turn = prompt()["turn"]
    text(turn, "fine")
    done(turn)
    done(turn)
    text(turn, "too late")
    wait_for_end()


if __name__ == "__main__":
    globals()["fault_" + sys.argv[1].replace("-", "_")](*sys.argv[2:])
