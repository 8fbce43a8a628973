"""Connections: how far each is with its request, the clock of that, and who makes room when there is none."""

import asyncio
import logging
import resource
import select
import socket
from collections.abc import Callable
from enum import Enum
from itertools import islice
from typing import Final

from clinvk.api.problems import Kind, Problem
from clinvk.api.services import Bounds
from clinvk.api.transport import Lingering, Stream, spoken

_log = logging.getLogger("clinvk.access")

HEAD_BYTES: Final = 64 << 10
_REFUSED: Final = 64
_REFUSAL_SECS: Final = 5.0
_LOOKS: Final = 32
_GRACE_SECS: Final = 0.25


class Phase(Enum):
    """How far a connection is."""

    HANDSHAKE = "handshake"
    IDLE = "idle"
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    OUT = "out"
    """All of the answer is said, and some of it is not taken yet."""
    UNKNOWN = "unknown"
    """The same, where keys are asked for and none was shown."""
    REFUSED = "refused"
    """There was no room."""


_MAY_GO: Final = (Phase.IDLE, Phase.HANDSHAKE, Phase.HEAD, Phase.BODY, Phase.UNKNOWN)
"""Who makes room for others, in this order: none has asked for anything yet, but the last, whom nobody knows."""
_CLOCKS: Final[dict[Phase, Callable[[Bounds], float]]] = {
    Phase.HANDSHAKE: lambda bounds: bounds.read_secs,
    Phase.IDLE: lambda bounds: bounds.idle_secs,
    Phase.HEAD: lambda bounds: bounds.read_secs,
    Phase.OUT: lambda bounds: bounds.write_secs,
    Phase.UNKNOWN: lambda bounds: min(bounds.read_secs, bounds.write_secs),
    Phase.REFUSED: lambda _: _REFUSAL_SECS,
}
"""Seconds that a phase may last. The handler keeps the clock of the body and of what it streams."""


class Connection:
    """One connection, from its acceptance to its end. Its stream tells it what happens."""

    def __init__(self, stream: Stream, client: str, table: "Connections") -> None:
        self.stream = stream
        self.client = client
        self.phase: Phase | None = None
        self.since = 0.0
        """When that began, by the loop's clock."""
        self._table = table
        self._timer: asyncio.TimerHandle | None = None
        self._lingers = False
        stream.watcher = self

    @property
    def is_refused(self) -> bool:
        return self.phase is Phase.REFUSED

    def enter(self, phase: Phase) -> None:
        """It is so far now. Whoever is refused stays so."""
        if self.is_refused or self.stream.closed():
            return
        self._stop()
        self._table.move(self, self.phase, phase)
        self.phase = phase
        loop = asyncio.get_running_loop()
        self.since = loop.time()
        if clock := _CLOCKS.get(phase):
            seconds = clock(self._table.bounds())
            self._timer = loop.call_later(seconds, self._too_slow, seconds)

    def wait(self) -> None:
        """For the next request; what came behind the last one may be its beginning."""
        if self.phase is not Phase.HANDSHAKE:
            self.enter(Phase.HEAD if self.stream.has_unread else Phase.IDLE)

    def on_secured(self) -> None:
        """The handshake is over; by now a whole request may have come."""
        if self.phase is Phase.HANDSHAKE:
            self.enter(Phase.HEAD if self.stream.has_unread else Phase.IDLE)

    def answered(self, *, known: bool = True) -> None:
        """The handler has said all of its answer. A sender whose body is not all in is to read it nevertheless."""
        self._lingers = self.phase is Phase.BODY
        self.enter(Phase.OUT if known else Phase.UNKNOWN)

    def send_away(self) -> None:
        """There is no room."""
        self.stream.write(self._no_room())
        self.stream.close()

    def on_bytes(self) -> None:
        if self.phase is Phase.IDLE:
            self.enter(Phase.HEAD)

    def on_malformed(self) -> bytes:
        if self.is_refused:
            return self._no_room()
        if self.phase not in {Phase.IDLE, Phase.HEAD, Phase.BODY}:
            return b""  # an answer has begun
        return self._refusal(Problem(Kind.INVALID_REQUEST, "This cannot be read as a request of HTTP/1.1"))

    def on_too_long(self) -> None:
        if self.phase is Phase.HEAD:
            told = f"The head of the request is longer than {HEAD_BYTES} bytes"
            self.stream.write(self._refusal(Problem(Kind.HEAD_TOO_LARGE, told)))
        elif self.phase is Phase.BODY:
            self.stream.write(self.on_malformed())

    def on_close(self, connection: socket.socket) -> None:
        self._stop()
        self._table.move(self, self.phase, None)
        if self._lingers:
            self._table.lingering.add(connection)

    def _no_room(self) -> bytes:
        told = "All connections that this server may have are in use (server.max_connections)"
        return self._refusal(Problem(Kind.TOO_MANY_CONNECTIONS, told))

    def _refusal(self, problem: Problem) -> bytes:
        self._lingers = True
        request_id = self._table.new_id("req")
        extra = {"status": problem.status, "client": self.client, "request_id": request_id}
        _log.info("refused: %s", problem.detail, extra=extra)
        return spoken(problem, request_id)

    def _too_slow(self, seconds: float) -> None:
        if self.phase is Phase.HEAD:
            told = f"The head did not arrive within {seconds:g} s (server.read_timeout_secs)"
            self.stream.write(self._refusal(Problem(Kind.READ_TIMEOUT, told)))
        elif self.phase in {Phase.OUT, Phase.UNKNOWN}:
            _log.warning("client reads nothing", extra={"timeout": "write", "seconds": seconds})
        self.stream.close()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


class Connections:
    """All connections of a server, by phase; in each, who entered it first stands first."""

    def __init__(self, bounds: Callable[[], Bounds], new_id: Callable[[str], str]) -> None:
        self.bounds = bounds
        self.new_id = new_id
        self.lingering = Lingering()
        self._files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._in: dict[Phase, dict[Connection, None]] = {phase: {} for phase in Phase}

    def __len__(self) -> int:
        """Those that have a place."""
        return sum(len(found) for phase, found in self._in.items() if phase is not Phase.REFUSED)

    @property
    def limit(self) -> int:
        """Places there are. Runs need files as well, so half of those the process may open are theirs."""
        asked = self.bounds().max_connections
        return asked if self._files == resource.RLIM_INFINITY else min(asked, max(self._files // 2, 1))

    def has_room(self) -> bool:
        """Whether one more may come, someone else having been sent away if need be."""
        if len(self) < self.limit:
            return True
        found = next(
            (one for phase in _MAY_GO for one in islice(self._in[phase], _LOOKS) if _is_silent(one)), None
        )
        if found is None:
            return False
        found.stream.close()
        return True

    def forget_refused(self) -> None:
        """Only so many are told that there is no room: the one that waits longest to ask is told nothing."""
        refused = self._in[Phase.REFUSED]
        if len(refused) >= _REFUSED:
            next(iter(refused)).stream.close()

    def move(self, connection: Connection, old: Phase | None, new: Phase | None) -> None:
        """`connection` was in `old`, and is in `new`."""
        if old:
            self._in[old].pop(connection, None)
        if new:
            self._in[new][connection] = None


def _is_silent(connection: Connection) -> bool:
    """Whether it has had time to go on, and nothing has come that was not read yet: a request perhaps."""
    if asyncio.get_running_loop().time() - connection.since < _GRACE_SECS:
        return False
    if connection.phase is Phase.UNKNOWN:  # whatever it asks next, it has not taken what it was told
        return True
    poll = select.poll()
    poll.register(connection.stream.socket, select.POLLIN)
    return not poll.poll(0)
