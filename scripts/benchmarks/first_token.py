"""From the moment in which the server hears a token to that in which the client's socket has it."""

import asyncio
import json
import logging
import os
import select
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

from measure import Measured
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from clinvk.api import application, streams
from clinvk.api.dialects.models import Models
from clinvk.api.services import Bounds, Services
from clinvk.backends.registry import default_registry
from clinvk.clock import SystemClock
from clinvk.domain import ids
from clinvk.domain.events import TextDelta
from clinvk.local_monitor import LocalMonitor
from clinvk.schemas import Schemas
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.supervisor import Supervisor
from clinvk.telemetry.logging import LogRing

ROUNDS = 300
PROMPT = "/hang"
CHAT = {"model": "demo", "messages": [{"role": "user", "content": PROMPT}], "stream": True}
ASKED = {
    "/api/v1/prompt": {"backend": "demo", "prompt": PROMPT, "ephemeral": True, "output_format": "stream-json"},
    "/openai/v1/chat/completions": CHAT,
    "/anthropic/v1/messages": CHAT | {"max_tokens": 1000},
}


def measurements() -> Iterator[Measured]:
    """Pushed in the turn of the loop in which it is heard, against a reader that is woken for it."""
    logging.disable()
    for path, body in ASKED.items():
        pushed, woken = asyncio.run(_medians(path, body))
        yield Measured(f"a token, {path}", pushed, "by waking a reader", woken)


async def _medians(path: str, body: dict[str, object]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home  # the demo child keeps its conversations there
        supervisor, http, port = _server(home)
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(_request(path, body))
            run = await _idle(supervisor)
            taken = streams.arrival
            ways = {True: taken, False: _without_taking(taken)}
            spent: dict[bool, list[float]] = {True: [], False: []}
            for number in range(2 * ROUNDS):
                at_once = bool(number % 2)
                streams.arrival = ways[at_once]  # type: ignore[assignment]
                spent[at_once].append(await _once(run, plain, f"<{number}>"))
            streams.arrival = taken
        http.stop()
        await supervisor.drain(0)
    return statistics.median(spent[True][10:]), statistics.median(spent[False][10:])


async def _once(run: RunHandle, plain: socket.socket, text: str) -> float:
    """Seconds until the client has what the run says."""
    await _settled()
    began = time.perf_counter()
    run.log.append(TextDelta("block-1", text))
    said = b""
    while text.encode() not in said:
        if select.select([plain], [], [], 0)[0]:
            said += plain.recv(1 << 16)
        else:
            await asyncio.sleep(0)
    return time.perf_counter() - began


async def _idle(supervisor: Supervisor) -> RunHandle:
    """The run, once its client has read all there is."""
    while not any(handle.run.pid for handle in supervisor.history.live()):
        await supervisor.journal.changed()
    (run,) = supervisor.history.live()
    await _settled()
    return run


async def _settled() -> None:
    """Until whoever follows the run waits for more."""
    for _ in range(20):
        await asyncio.sleep(0)


def _without_taking(arrival: Callable[..., object]) -> Callable[..., object]:
    return lambda call, log, seconds, _: arrival(call, log, seconds, None)


def _request(path: str, body: dict[str, object]) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def _server(home: str) -> tuple[Supervisor, HTTPServer, int]:
    clock = SystemClock()

    def new_id(kind: str) -> str:
        return ids.new(kind, int(clock.wall() * 1000), os.urandom(ids.ENTROPY_BYTES))

    supervisor = Supervisor(default_registry(), Limits(), clock, new_id)
    services = Services(supervisor, Schemas(), Bounds(), clock, new_id, home)
    services.monitor = LocalMonitor(services, LogRing())
    services.models = Models(("demo",), "demo")
    http = application.server(services)
    sockets = bind_sockets(0, "127.0.0.1")
    http.add_sockets(sockets)
    return supervisor, http, sockets[0].getsockname()[1]
