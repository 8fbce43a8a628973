"""The demo child's protocol, as a CLI that misbehaves speaks it: prompts come in, what is said goes out."""

import json
import sys
from typing import Any, NoReturn


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def prompt() -> dict[str, Any]:
    """The next prompt; the program ends with its stdin."""
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        if message["type"] == "prompt":
            return message
    sys.exit(0)


def text(turn: str, words: str) -> None:
    say(type="text", turn=turn, block="1", text=words)


def done(turn: str) -> None:
    say(type="text_end", turn=turn, block="1")
    say(type="done", turn=turn, stop_reason="end_turn", error=None)


def wait_for_end() -> NoReturn:
    sys.stdin.read()
    sys.exit(0)


def answer(turn: str, words: str) -> NoReturn:
    """A whole answer, in good order up to the end of stdin."""
    text(turn, words)
    done(turn)
    wait_for_end()
