"""The demo child as a real process, spoken with line by line."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "clinvk" / "democli"
DEADLINE = 20.0


class Heard(list):
    """Messages, in the order they came."""

    @property
    def text(self):
        return "".join(message["text"] for message in self if message["type"] == "text")

    @property
    def kinds(self):
        """The kinds of message, repetitions left out."""
        found = [message["type"] for message in self]
        return [kind for kind, before in zip(found, [None, *found], strict=False) if kind != before]

    def count(self, kind):
        return sum(message["type"] == kind for message in self)


class Child:
    """A demo child, spoken with line by line, each within the deadline."""

    def __init__(self, workdir, *options, **variables):
        self._stderr = workdir / "stderr"
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", *options, PROGRAM],
                cwd=workdir,
                env={**os.environ, "HOME": str(workdir / "home"), **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        self._read = b""

    def tell(self, **message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def prompt(self, prompt, turn="t", **fields):
        self.tell(type="prompt", turn=turn, prompt=prompt, **fields)

    def line(self):
        """The next line, or what is left at the end."""
        until = time.monotonic() + DEADLINE
        while b"\n" not in self._read:
            assert select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0], self._read
            if not (data := os.read(self.process.stdout.fileno(), 1 << 20)):
                break
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        return line

    def hear(self):
        return json.loads(self.line())

    def until(self, kind):
        """What is heard up to the first message of `kind`, that one included."""
        heard = Heard([self.hear()])
        while heard[-1]["type"] != kind:
            heard.append(self.hear())
        return heard

    def to_the_end(self):
        """Everything until it writes no more."""
        heard = Heard()
        while line := self.line():
            heard.append(json.loads(line))
        return heard

    def turn(self, prompt, **fields):
        """The whole of one turn, from its conversation to its end."""
        self.prompt(prompt, **fields)
        return self.until("done")

    def end(self):
        """The exit code after the end of stdin, and everything on stderr."""
        self.process.stdin.close()
        return self.process.wait(DEADLINE), self._stderr.read_bytes()

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        # What is left in the pipe's buffer cannot be written any more.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


@pytest.fixture
def new_child(tmp_path):
    with contextlib.ExitStack() as stack:

        def start(*options, **variables):
            child = Child(tmp_path, *options, **variables)
            stack.callback(child.kill)
            return child

        yield start


@pytest.fixture
def child(new_child):
    child = new_child()
    assert child.hear() == {"type": "hello", "version": 1}
    return child
