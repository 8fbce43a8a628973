"""A child: process, session, pipes, and its one dialogue."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol

from clinvk.backends.base import Command, Dialogue, Said
from clinvk.domain.errors import ClinvkError
from clinvk.domain.events import Output
from clinvk.domain.run import Exit
from clinvk.supervisor import spawning
from clinvk.supervisor.cgroup import Cgroup
from clinvk.supervisor.pipes import ReadPipe, WritePipe
from clinvk.supervisor.spawning import SpawnFailed

_log = logging.getLogger("clinvk.child")

_STDERR_TAIL: Final = 8 << 10
_TURN: Final = itemgetter(0)
_MUTE_SECS: Final = 2.0
"""How long it may live without an output: whoever ends closes it too, some moments before."""
_SETTLING_SECS: Final = 0.05
"""How long it is left where it was born: a move costs more than the whole life of a CLI that only prints."""
_UNHEARD: Final = 20
"""What a child may say to nobody before its first turn, and be heard all the same."""


class OutputClosed(ClinvkError):
    """A child closed its output and lives on: it can neither answer nor say that it will not."""

    def __init__(self) -> None:
        super().__init__("The CLI closed its output in the middle of the turn, and did not end")


class Listener(Protocol):
    """Who takes part in a child's turn."""

    def heard(self, outputs: Sequence[Output]) -> None:
        """It said all this at once."""
        ...

    def broken(self, error: Exception) -> None:
        """Nothing that the child says can be understood any more."""
        ...

    def exited(self, exit_: Exit) -> None: ...


class Child:
    """One process in a session of its own, from spawn to exit."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", dialogue: Dialogue, cgroup: Cgroup | None = None
    ) -> None:
        self.pid = process.pid
        self.dialogue = dialogue
        self.cgroup = cgroup
        """Where it and what it starts is, if there is such a place."""
        self._settling: asyncio.TimerHandle | None = None
        self._moving: asyncio.Future[None] | None = None
        self.exit: Exit | None = None
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._process = process
        self._listeners: dict[str, Listener] = {}
        self._unheard: list[Output] | None = []
        """What it said before its first turn. What it says between two is nobody's to hear."""
        self._born = time.monotonic()
        self._ready_at: float | None = None
        self.on_ready: Callable[[], None] | None = None
        """Called once it is ready for a turn, before it hears of one."""
        self._stderr = bytearray()
        # The pipes are ours from here on: Popen shall not close them a second time.
        self._stdin = WritePipe(_taken(process, "stdin"))
        self._mute: asyncio.TimerHandle | None = None
        self._stdout = ReadPipe(_taken(process, "stdout"), self._hear, self._fall_silent)
        self._errors = ReadPipe(_taken(process, "stderr"), self._hear_error)
        self._watch_exit()

    @classmethod
    def spawn(
        cls,
        command: Command,
        environment: Mapping[str, str],
        dialogue: Dialogue,
        cgroup: Cgroup | None = None,
    ) -> "Child":
        """Start `command` in a session of its own, in the very folder that its `cwd`, a real path, is now.

        Soon after that it is moved into `cgroup`. Raises SpawnFailed, in a sentence.
        """
        process = spawning.start(command, environment)
        try:
            return cls(process, dialogue, cgroup)
        except OSError as error:  # out of descriptors: a process nobody watches must not live
            process.kill()
            process.wait()
            raise SpawnFailed(f"The CLI could not be watched: {error.strerror}") from error

    @property
    def stderr_tail(self) -> str:
        """The end of what it wrote to stderr so far."""
        return self._stderr.decode(errors="replace")

    @property
    def is_heard(self) -> bool:
        """Whether it lives, and what it says can still be understood."""
        return self.exit is None and self._stdout.is_open

    @property
    def startup_secs(self) -> float:
        """What its start took until it was ready for a turn; what it has taken so far, if it is not."""
        return (self._ready_at or time.monotonic()) - self._born

    def open(self) -> None:
        """Greet the child, as its protocol wants it: once, before the first turn."""
        self.converse(self.dialogue.open)

    def begin(self, turn: str, start: Callable[[], None], listener: Listener) -> None:
        """Let `listener` take part as `turn`, then `start` it.

        The first hears what the child said before it; what it said and wrote after a turn is nobody's to hear.
        """
        if self._unheard is None:
            self._stderr.clear()
        self._listeners[turn] = listener
        self.converse(start)
        unheard, self._unheard = self._unheard, None
        if unheard:
            listener.heard(unheard)

    def leave(self, turn: str) -> None:
        """Nobody takes part as `turn` any more."""
        self._listeners.pop(turn, None)

    def interrupt(self, turn: str) -> bool:
        """Ask by protocol for the end of `turn`; False where that is not possible."""
        try:
            asked = self.dialogue.interrupt(turn)
        except Exception:  # noqa: BLE001  whatever it is, stopping must go on
            _log.exception("the adapter failed to interrupt process %d", self.pid)
            return False
        self._send()
        return asked

    def converse(self, act: Callable[[], None]) -> None:
        """Do something with the dialogue and send what it has to say."""
        act()
        self._send()

    def close_stdin(self) -> None:
        self._stdin.close_soon()

    def signal(self, number: signal.Signals) -> None:
        """Send to the process itself, none other: it may want to end its own children in order."""
        if self.exit is None:
            self._process.send_signal(number)

    def pause(self) -> None:
        """Read no more for now: the child waits once its pipe is full."""
        self._stdout.pause()

    def resume(self) -> None:
        self._stdout.resume()

    def _send(self) -> None:
        data, close = self.dialogue.outgoing()
        if data:
            self._stdin.write(data)
        if close:
            self._stdin.close_soon()

    def _hear(self, data: bytes) -> None:
        try:
            said = self.dialogue.receive(data)
        except Exception as error:  # noqa: BLE001  a line too long, or a decoder of ours that is wrong
            self._stdout.close()
            self._break(error)
            return
        if self._ready_at is None and self.dialogue.ready:
            self._ready_at = time.monotonic()
            if self.on_ready:
                self.on_ready()
        if self._unheard is not None:
            self._unheard = (self._unheard + [output for turn, output in said if turn is None])[:_UNHEARD]
        self._tell(said)
        self._send()

    def _break(self, error: Exception) -> None:
        for listener in list(self._listeners.values()):
            listener.broken(error)

    def _fall_silent(self) -> None:
        """Its output is closed: nobody waits for long for a word that cannot come."""
        loop = asyncio.get_running_loop()
        self._mute = loop.call_later(_MUTE_SECS, lambda: self._break(OutputClosed()))

    def _tell(self, said: list[Said]) -> None:
        for turn, told in groupby(said, _TURN):
            outputs = [output for _, output in told]
            listeners = self._listeners.values() if turn is None else (self._listeners.get(turn),)
            for listener in list(listeners):
                if listener:
                    listener.heard(outputs)

    def _last_words(self, exit_: Exit) -> list[Said]:
        try:
            return self.dialogue.exited(exit_)
        except Exception:  # noqa: BLE001  whatever it is, stopping must go on
            _log.exception("the decoder failed at the end of process %d", self.pid)
            return []

    def _hear_error(self, data: bytes) -> None:
        self._stderr += data
        del self._stderr[:-_STDERR_TAIL]

    def _watch_exit(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            fd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # no pidfds on this system: a thread waits instead
            wait = threading.Thread(target=self._wait_in_thread, args=(loop,), daemon=True)
            wait.start()
            return

        def ended() -> None:
            loop.remove_reader(fd)
            os.close(fd)
            if self._settling:
                self._settling.cancel()
            if self._moving is None or self._moving.done():
                self._reap()
            else:  # its number is its own until then
                self._moving.add_done_callback(lambda _: self._reap())

        loop.add_reader(fd, ended)
        if self.cgroup:
            self._settling = loop.call_later(_SETTLING_SECS, self._move, self.cgroup)

    def _move(self, cgroup: Cgroup) -> None:
        """Have it moved into its group.

        `clone3` could have it born there, but nothing that starts processes for us can be asked for that. What it
        forks before, in its first hundredths of a second, is known by ancestry, session and marker.
        """
        with contextlib.suppress(RuntimeError):  # no thread can be had: it stays where it was born
            self._moving = asyncio.get_running_loop().run_in_executor(None, cgroup.take, self.pid)

    def _wait_in_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            loop.call_soon_threadsafe(self._reap)

    def _reap(self) -> None:
        code = self._process.wait()
        # Whatever it wrote before it died is in the pipes; a grandchild that holds them changes nothing.
        self._stdout.drain()
        self._errors.drain()
        self._stdin.close()
        if self._mute:
            self._mute.cancel()
        tail = self.stderr_tail
        self.exit = Exit(code, None, tail) if code >= 0 else Exit(None, _signal_name(-code), tail)
        self._tell(self._last_words(self.exit))
        for listener in list(self._listeners.values()):
            listener.exited(self.exit)
        self.ended.set_result(self.exit)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has none
        return f"signal {number}"


def _taken(process: "subprocess.Popen[bytes]", name: str) -> int:
    """The descriptor of one of the pipes, for us alone."""
    pipe = getattr(process, name)
    fd = os.dup(pipe.fileno())
    pipe.close()
    return fd
