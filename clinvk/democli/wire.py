"""Lines in and out. One thread: whoever waits, waits for a line too, and so can be interrupted."""

import json
import os
import select
import time

Message = dict[str, object]

_CHUNK = 1 << 16
_STDERR = 2


class Interrupted(Exception):
    """The turn was asked to end, or stdin ended."""


class Wire:
    """JSON lines on two descriptors. What comes in is kept until it is asked for."""

    def __init__(self, stdin: int = 0, stdout: int = 1) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._poll = select.poll()
        self._poll.register(stdin, select.POLLIN)
        self._unfinished: list[bytes] = []
        self._prompts: list[Message] = []
        self._interrupted: set[object] = set()
        self._answers: dict[tuple[object, object], Message] = {}
        self._ended = False

    def say(self, **message: object) -> None:
        """Write one message. Raises BrokenPipeError when nobody reads any more."""
        self.write(json.dumps(message).encode() + b"\n")

    def write(self, data: bytes) -> None:
        """Write bytes as they are, all of them."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._stdout, rest) :]

    def prompt(self) -> Message | None:
        """The next prompt; None when stdin has ended and no prompt waits."""
        while not self._prompts and not self._ended:
            self._take(None)
        return self._prompts.pop(0) if self._prompts else None

    def pause(self, turn: str, seconds: float | None) -> None:
        """Let `seconds` pass, or all time. Raises Interrupted as soon as `turn` is to end."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            self._take(left)
            self._check(turn)
            if left == 0:
                return

    def answer(self, turn: str, ask: str) -> Message:
        """Wait for the answer to `ask`. Raises Interrupted as soon as `turn` is to end."""
        while (turn, ask) not in self._answers:
            self._take(None)
            self._check(turn)
        return self._answers.pop((turn, ask))

    def _check(self, turn: str) -> None:
        if self._ended or turn in self._interrupted:
            raise Interrupted

    def _take(self, seconds: float | None) -> None:
        """Wait at most `seconds` for input, and sort what came."""
        if not self._poll.poll(None if seconds is None else seconds * 1000):
            return
        data = os.read(self._stdin, _CHUNK)
        self._ended = not data
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._unfinished.append(line)
            self._sort(b"".join(self._unfinished))
            self._unfinished.clear()
        self._unfinished.append(rest)

    def _sort(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        match message:
            case {"type": "prompt", "turn": str(), "prompt": str()}:
                self._prompts.append(message)
            case {"type": "interrupt", "turn": str(turn)}:
                self._interrupted.add(turn)
            case {"type": "answer", "turn": str(turn), "ask": str(ask), "allow": bool()}:
                self._answers[turn, ask] = message
            case _:
                os.write(_STDERR, b"demo: not a message: " + line[:200] + b"\n")
