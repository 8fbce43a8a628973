"""A CLI that leaves what is hard to find, and speaks when nobody asked. It speaks the demo child's protocol.

What it leaves ends by itself after a while, lest a test that fails leaves it for good.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

LIFE = 120.0
"""Seconds after which what was left ends by itself."""
TOO_LONG = 17 << 20
"""Bytes, more than a line may have."""


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def folder() -> Path:
    return Path(os.environ["TMPDIR"])


def sleep(seconds: float, environment: dict[str, str]) -> NoReturn:
    os.execve("/bin/sleep", ["sleep", str(seconds)], environment)


def detached(become: Callable[[], None], *, alone: bool) -> int:
    """A process that forked twice, in a session of its own where `alone`; its pid."""
    reader, writer = os.pipe()
    if (middle := os.fork()) == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        if alone:
            os.setsid()
        if pid := os.fork():
            os.write(writer, str(pid).encode())
            os._exit(0)
        os.close(writer)
        become()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        pid = int(told.read())
    os.waitpid(middle, 0)
    return pid


def hop() -> None:
    """Be another process every now and then: each begins the next one and ends."""
    until = time.monotonic() + LIFE
    while time.monotonic() < until:
        time.sleep(0.1)
        if os.fork():
            os._exit(0)


def complain(words: str) -> None:
    sys.stderr.write(words + "\n")
    sys.stderr.flush()


def grumble(words: str) -> None:
    complain(words)
    Path("muttered").touch()  # in the workdir: in its own folder it would be left behind


def sow(what: str) -> None:
    """Begin something once there is a file `sow` in the workdir."""
    while not Path("sow").exists():
        time.sleep(0.01)
    match what:
        case "hopper":
            detached(hop, alone=False)
        case "orphan":
            detached(lambda: sleep(LIFE, {}), alone=False)
        case "child":
            subprocess.Popen(["/bin/sleep", str(LIFE)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def act(prompt: str) -> int | None:
    """Do what the prompt says in its turn; the process that was left, if one was."""
    match prompt.split():
        case ["orphan", how, *marker]:
            environment = {"CLINVK_RUN": marker[0]} if marker else {}
            return detached(lambda: sleep(LIFE, environment), alone=how == "alone")
        case ["overwrite", name]:
            (folder() / name).write_text("a secret")
        case ["complain", words]:
            complain(words)
        case ["crash"]:
            sys.stderr.close()
            os._exit(3)
        case ["hang"]:
            say(type="text", turn=TURN[0], block="1", text="waiting")
            time.sleep(LIFE)
    return None


BADLY = " and fail"
"""What a prompt ends with whose turn is to fail, when all else was done."""
TURN = [""]
LATE: list[str] = []
"""Lines to be said before the answer to the next prompt."""


def act_later(turn: str, prompt: str) -> None:
    """Do what the prompt says when its turn is over."""
    match prompt.split():
        case ["late", words]:
            LATE.append(json.dumps({"type": "text", "turn": turn, "block": "1", "text": words}) + "\n")
        case ["mutter", words]:
            time.sleep(0.02)  # not in one piece with the end of the turn
            say(type="text", turn=turn, block="1", text=words)
            Path("muttered").touch()  # in the workdir: in its own folder it would be left behind
        case ["grumble", words]:
            threading.Timer(0.3, lambda: grumble(words)).start()
        case ["overlong"]:
            time.sleep(0.02)
            try:
                sys.stdout.write("x" * TOO_LONG)
                sys.stdout.flush()
            except BrokenPipeError:  # as one that does not care
                sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        case ["sow", what]:
            threading.Thread(target=sow, args=(what,), daemon=True).start()


def tell(turn: str, left: int | None) -> None:
    files = {str(path.relative_to(folder())): path.read_text() for path in folder().rglob("*") if path.is_file()}
    told = {"pid": os.getpid(), "files": files, "left": left}
    say(type="text", turn=turn, block="1", text=json.dumps(told))
    say(type="text_end", turn=turn, block="1")


def heard(kind: str) -> Iterator[dict[str, Any]]:
    """The messages of that type, from here on; the others are nobody's."""
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        if message["type"] == kind:
            yield message


def serve() -> None:
    (folder() / "own").mkdir()
    (folder() / "own" / "cache").write_text("as it was")
    say(type="hello", version=1)
    for number, message in enumerate(heard("prompt")):
        turn, prompt = message["turn"], message["prompt"].removesuffix(BADLY)
        TURN[0] = turn
        for line in LATE:
            sys.stdout.write(line)
            sys.stdout.flush()
        LATE.clear()
        say(type="conversation", turn=turn, id=message["conversation"] or f"talk-{os.getpid()}-{number}")
        next(heard("go"), None)  # as those do that get the prompt only when this was heard
        tell(turn, act(prompt))
        failed = {"code": "backend_failed", "message": "as asked"} if message["prompt"].endswith(BADLY) else None
        say(type="done", turn=turn, stop_reason=None if failed else "end_turn", error=failed)
        act_later(turn, prompt)


if __name__ == "__main__":
    serve()
