"""So many requests at once, for a while: `load.py SPEC`. What each took, and what the server computed, as JSON.

One thread, sockets and nothing else: it shares the cores with what it measures, and so should take little of them.
"""

import json
import re
import select
import socket
import sys
import time
from dataclasses import dataclass, field

from processor import spent

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_START = re.compile(rb"\r\nx-clinvk-start: *(\w+)", re.IGNORECASE)


@dataclass
class Load:
    """The fields of SPEC. `pid` is the server, if it is known; `warm` requests of each client are not measured."""

    port: int
    path: str
    at_once: int
    seconds: float
    host: str = "127.0.0.1"
    method: str = "POST"
    body: str = ""
    pid: int | None = None
    warm: int = 1
    most: int | None = None
    """Requests in all, where time alone should not decide."""


@dataclass
class Connection:
    """One of the clients: it asks again as soon as it has its answer."""

    plain: socket.socket
    request: bytes
    heard: bytearray = field(default_factory=bytearray)
    began: float = 0.0
    whole: int | None = None

    def ask(self) -> None:
        self.heard.clear()
        self.whole, self.began = None, time.perf_counter()
        self.plain.sendall(self.request)

    def hear(self) -> bool:
        """Whether the answer is there now, whole."""
        piece = self.plain.recv(1 << 18)
        if not piece:
            raise ConnectionError("the server closed the connection: " + self.heard[:300].decode(errors="replace"))
        self.heard += piece
        if self.whole is None:
            self._read_head()
        return self.whole is not None and len(self.heard) >= self.whole

    def _read_head(self) -> None:
        end = self.heard.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self.heard, 0, end)
        if not self.heard.startswith(b"HTTP/1.1 2") or not length:
            raise ConnectionError("no answer: " + self.heard[:600].decode(errors="replace"))
        self.whole = end + 4 + int(length[1])


def request(load: Load) -> bytes:
    """The bytes that every client sends every time."""
    head = f"{load.method} {load.path} HTTP/1.1\r\nHost: {load.host}:{load.port}\r\n"
    if load.body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(load.body.encode())}\r\n"
    return f"{head}\r\n{load.body}".encode()


def connect(load: Load) -> dict[int, Connection]:
    asked = request(load)
    plain = [socket.create_connection((load.host, load.port), 60) for _ in range(load.at_once)]
    for each in plain:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return {each.fileno(): Connection(each, asked) for each in plain}


def main(load: Load) -> dict[str, object]:
    clients = connect(load)
    cycle(clients, 0.0, load.warm * load.at_once, [], [])
    took: list[float] = []
    starts: list[str] = []
    cpu, own, began = spent(load.pid), time.process_time(), time.perf_counter()
    cycle(clients, load.seconds, load.most, took, starts)
    passed, cpu, own = time.perf_counter() - began, spent(load.pid) - cpu, time.process_time() - own
    took.sort()
    return {
        "milliseconds": took[len(took) // 2] * 1000,
        "rate": len(took) / passed,
        "cpu": cpu * 1000 / len(took) if load.pid else None,
        "client_cpu": own * 1000 / len(took),
        "starts": {name: starts.count(name) for name in sorted(set(starts))},
    }


def cycle(
    clients: dict[int, Connection], seconds: float, most: int | None, took: list[float], starts: list[str]
) -> None:
    """Keep all of them asking until the time is over, or for `most` answers; every answer is waited for."""
    poll, began, asked = select.epoll(), time.perf_counter(), 0
    waiting = set(clients)
    for number, client in clients.items():
        poll.register(number, select.EPOLLIN)
        client.ask()
        asked += 1
    while waiting:
        for number, _ in poll.poll():
            client = clients[number]
            if not client.hear():
                continue
            now = time.perf_counter()
            took.append(now - client.began)
            starts += [found[1].decode() for found in _START.finditer(client.heard)]
            if asked < most if most is not None else now - began < seconds:
                client.ask()
                asked += 1
            else:
                waiting.discard(number)
    poll.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Load(**json.loads(sys.argv[1])))))
