"""One streamed prompt, read as it comes: when its first token was there, how its run began, its session."""

import json
import re
import socket
import time
from dataclasses import dataclass

_FIRST = b'"type":"text.delta"'
_LAST = b'"type":"run.finished"'
_START = re.compile(rb'"start":"(\w+)"')
_SESSION = re.compile(rb'"session_id":"(\w+)"')
_PATIENCE = 120.0


@dataclass(frozen=True)
class Asked:
    """Seconds until the first token; what the server says of the run's start; its session."""

    first_token: float
    start: str
    session: str


class NoToken(Exception):
    """The run ended without one; what it said."""


def ask(port: int, body: dict[str, object]) -> Asked:
    """The whole stream is read before this returns."""
    data = json.dumps({**body, "output_format": "stream-json"}).encode()
    head = "POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as plain:
        began = time.perf_counter()
        plain.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        said, first = b"", 0.0
        while _LAST not in said:
            piece = plain.recv(1 << 16)
            said += piece
            if not first and _FIRST in said:
                first = time.perf_counter() - began
            if not piece:
                raise NoToken(said.decode(errors="replace")[-1000:])
    start, session = _START.search(said), _SESSION.search(said)
    if not first or not start or not session:
        raise NoToken(said.decode(errors="replace")[-1000:])
    return Asked(first, start[1].decode(), session[1].decode())
