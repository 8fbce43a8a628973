"""A CLI that stays for many turns and does in each what its prompt says. It speaks the demo child's protocol.

Its answer tells what it remembers: a child that is lent to a stranger must have nothing to tell.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SLEEP = ("sleep", "86400")


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def leave(own_session: bool) -> int:
    """A process that outlives the turn."""
    quiet: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    return subprocess.Popen(SLEEP, start_new_session=own_session, **quiet).pid


def act(turn: str, prompt: str) -> int | None:
    """Do what the prompt says; the process that was left, if one was."""
    match prompt.split():
        case ["leave", how]:
            return leave(how == "alone")
        case ["write", name]:
            Path(os.environ["TMPDIR"], name).write_text("a secret")
        case ["complain"]:
            sys.stderr.write("a secret\n")
            sys.stderr.flush()
        case ["hang"]:
            say(type="text", turn=turn, block="1", text="waiting")
            time.sleep(86400)
    return None


def tell(turn: str, heard: list[str], left: int | None) -> None:
    told = {
        "pid": os.getpid(),
        "cwd": os.getcwd(),  # noqa: PTH109  as it is
        "env": dict(os.environ),
        "heard": heard,
        "files": sorted(os.listdir(os.environ["TMPDIR"])),  # noqa: PTH208
        "left": left,
    }
    say(type="text", turn=turn, block="1", text=json.dumps(told))
    say(type="text_end", turn=turn, block="1")


def prompts() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        if message["type"] == "prompt":
            yield message


def serve() -> None:
    heard: list[str] = []
    say(type="hello", version=1)
    sys.stdout.write("said to nobody\n")
    sys.stdout.flush()
    for number, message in enumerate(prompts()):
        turn, prompt = message["turn"], message["prompt"]
        if prompt == "vanish":
            os._exit(3)
        say(type="conversation", turn=turn, id=message["conversation"] or f"talk-{os.getpid()}-{number}")
        left = act(turn, prompt)
        tell(turn, heard, left)
        heard.append(prompt)
        error = {"code": "backend_failed", "message": "it failed"} if prompt == "fail" else None
        say(type="done", turn=turn, stop_reason="end_turn", error=error)
        if prompt == "answer and go":
            sys.exit(0)


if __name__ == "__main__":
    serve()
