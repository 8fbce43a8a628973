"""Reads many streams at once: `reader.py SPEC`. When each delta came, against when its program wrote it, as JSON.

The streams are answers of a server (`port` and the like), or the programs' own pipes (`argv`), which is the floor:
the same reader, with nothing in between. Both sides read the monotonic clock of one machine, so the difference of
their times is one of time.
"""

import contextlib
import json
import os
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from processor import spent
from spawning import spawn

_STAMP = re.compile(rb"@(\d+);")
_FLOODED = b"@0;"
_SETTLING = 0.3
_PATIENCE = 30.0


@dataclass
class Reading:
    """The fields of SPEC. With `flood` so many deltas are read, without it `seconds` long what comes."""

    prompt: str
    streams: int = 1
    seconds: float = 1.0
    flood: int = 0
    argv: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    path: str = ""
    body: str = ""
    pid: int | None = None


class Stamps:
    """Takes the stamps out of one stream, wherever its pieces were cut."""

    def __init__(self) -> None:
        self._rest = b""

    def of(self, piece: bytes) -> list[int]:
        data, end = self._rest + piece, 0
        found = []
        for stamp in _STAMP.finditer(data):
            found.append(int(stamp[1]))
            end = stamp.end()
        begun = data.rfind(b"@", end)
        self._rest = data[begun:] if begun >= 0 and len(data) - begun < 32 else b""
        return found


class Silent(Exception):
    """What should come does not."""


class Reader:
    """All streams, by descriptor."""

    def __init__(self, descriptors: list[int]) -> None:
        self._streams = {number: Stamps() for number in descriptors}
        self._poll = select.epoll()
        for number in descriptors:
            self._poll.register(number, select.EPOLLIN)

    def all_speak(self) -> None:
        """Return when each has said something with a stamp, and a moment has passed."""
        silent, until = set(self._streams), time.monotonic() + _PATIENCE
        while silent:
            silent -= {number for number, _, stamps in self._heard(until) if stamps}
            if time.monotonic() >= until:
                raise Silent(f"{len(silent)} of {len(self._streams)} streams say nothing")
        until = time.monotonic() + _SETTLING
        while time.monotonic() < until:
            for _ in self._heard(until):
                pass

    def latencies(self, seconds: float) -> list[int]:
        """Nanoseconds of each delta that comes in that time, whenever it was written; of the first in any case."""
        began, took = time.monotonic(), list[int]()
        while (passed := time.monotonic() - began) < seconds or (not took and passed < _PATIENCE):
            for _, now, stamps in self._heard(began + (seconds if took else _PATIENCE)):
                took += [now - stamp for stamp in stamps]
        return took

    def flooded(self, deltas: int) -> None:
        """Return with the last of so many deltas."""
        (number,) = self._streams
        seen, rest = 0, b""
        while seen < deltas:
            piece = os.read(number, 1 << 18)
            if not piece:
                raise Silent(f"the stream ended after {seen} deltas")
            data = rest + piece
            seen, rest = seen + data.count(_FLOODED), data[-2:]

    def _heard(self, until: float) -> Iterator[tuple[int, int, list[int]]]:
        """What can be read now, or first: descriptor, nanosecond and stamps of each piece."""
        for number, _ in self._poll.poll(max(0.0, until - time.monotonic())):
            piece = os.read(number, 1 << 16)
            if not piece:
                raise Silent("a stream ended")
            yield number, time.monotonic_ns(), self._streams[number].of(piece)


def request(reading: Reading) -> bytes:
    head = f"POST {reading.path} HTTP/1.1\r\nHost: {reading.host}:{reading.port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(reading.body.encode())}\r\n"
    return f"{head}\r\n{reading.body}".encode()


@contextlib.contextmanager
def opened(reading: Reading) -> Iterator[list[int]]:
    """The descriptors of all streams; at the end they are left, and programs of ours have ended."""
    if reading.argv:
        line = {"type": "prompt", "turn": "1", "prompt": reading.prompt, "conversation": None}
        prompt = json.dumps(line).encode() + b"\n"
        children = [spawn(reading.argv, prompt, close=False) for _ in range(reading.streams)]
        yield [out for _, out, _ in children]
        for pid, *pipes in children:
            for pipe in pipes:
                os.close(pipe)
            os.waitpid(pid, 0)
        return
    asked = request(reading)
    with contextlib.ExitStack() as held:
        plain = [
            held.enter_context(socket.create_connection((reading.host, reading.port), 60))
            for _ in range(reading.streams)
        ]
        for each in plain:
            each.settimeout(None)
            each.sendall(asked)
        yield [each.fileno() for each in plain]


def flood(reading: Reading) -> dict[str, object]:
    """One stream at its fastest, from the request to the last delta."""
    cpu, began = spent(reading.pid), time.perf_counter()
    with opened(reading) as descriptors:
        Reader(descriptors).flooded(reading.flood)
        passed, cpu = time.perf_counter() - began, spent(reading.pid) - cpu
    return {"rate": reading.flood / passed, "cpu": cpu * 1e6 / reading.flood if reading.pid else None}


def steady(reading: Reading) -> dict[str, object]:
    """Many streams at their own pace, for a while."""
    with opened(reading) as descriptors:
        reader = Reader(descriptors)
        reader.all_speak()
        cpu, own, began = spent(reading.pid), time.process_time(), time.monotonic()
        took = sorted(reader.latencies(reading.seconds))
        ended, cpu, own = time.monotonic(), spent(reading.pid) - cpu, time.process_time() - own
    if not took:
        raise Silent("nothing comes")
    return {
        "p50": took[len(took) // 2] / 1e6,
        "p99": took[min(len(took) - 1, len(took) * 99 // 100)] / 1e6,
        "delivered": len(took) / (ended - began),
        "cpu": cpu * 1e6 / len(took) if reading.pid else None,
        "client_cpu": own * 1e6 / len(took),
        "began": began,
        "ended": ended,
    }


if __name__ == "__main__":
    _asked = Reading(**json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps(flood(_asked) if _asked.flood else steady(_asked)))
