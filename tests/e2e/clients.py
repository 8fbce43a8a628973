"""Clients that work on a server until it dies, and what they have heard from it."""

import http.client
import json
import queue
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.conftest import DEADLINE

NDJSON = "application/x-ndjson"
FAILURES = (OSError, http.client.HTTPException, json.JSONDecodeError)


class Died(Exception):
    """The server went away before the answer was whole."""


@dataclass
class Heard:
    """What a client was told: from then on it has to be there."""

    sessions: dict[str, int] = field(default_factory=dict)
    """Sessions, with how many turns were answered."""
    deleting: dict[str, list[str]] = field(default_factory=dict)
    """Sessions whose deletion was asked for, with their runs."""
    deleted: set[str] = field(default_factory=set)
    """Those of them of which it was answered."""
    runs: dict[str, str | None] = field(default_factory=dict)
    """Runs, with the state that they ended in if that was told."""
    lines: dict[str, list[bytes]] = field(default_factory=dict)
    """The events of runs, as they came."""
    groups: dict[str, int] = field(default_factory=dict)
    """Groups, with how many runs they have if that was told."""
    keys: dict[str, tuple[str, Any, bytes | None]] = field(default_factory=dict)
    """Idempotency keys: what was asked for, and the answer if it came."""


class Client:
    """One client with connections of its own. It tells `moments` what is happening, as it happens."""

    def __init__(self, port: int, name: str, moments: "queue.SimpleQueue[str]") -> None:
        self.heard = Heard()
        self.chance = random.Random(name)
        self.name = name
        self._port = port
        self._moments = moments

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Status and bytes of a whole answer. Raises Died."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE)) as connection:
            try:
                answer = self._send(connection, method, path, body, headers)
                told = answer.read()
            except FAILURES as error:
                raise Died from error
        self._moments.put(f"answer {method}")
        return answer.status, told

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        status, told = self.ask(method, path, body, **headers)
        assert status in {200, 202}, (path, status, told)
        return json.loads(told)

    def stream(self, method: str, path: str, body: Any = None) -> Iterator[Any]:
        """The lines of an answer, kept as those of their runs. Raises Died."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE)) as connection:
            try:
                answer = self._send(connection, method, path, body, {"Accept": NDJSON})
                assert answer.status == 200, answer.read()
                while (line := answer.readline()).endswith(b"\n"):
                    if line.strip():
                        yield self._line(line)
            except FAILURES as error:
                raise Died from error
        if line:
            raise Died

    def prompt(self, prompt: str, **fields: Any) -> Any:
        return self.json("POST", "/api/v1/prompt", {"backend": "demo", "prompt": prompt, **fields})

    def _send(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, ({"Content-Type": "application/json"} if sent else {}) | headers)
        self._moments.put(f"sent {method}")
        return connection.getresponse()

    def _line(self, line: bytes) -> Any:
        told = json.loads(line)
        if run := told.get("run_id"):
            self.heard.lines.setdefault(run, []).append(line)
            ended = told["type"] == "run.finished"
            self.heard.runs[run] = told["state"] if ended else self.heard.runs.get(run)
        if group := told.get("group_id"):
            self.heard.groups.setdefault(group, 0)
        self._moments.put("line")
        return told


def converse(client: Client) -> None:
    """A session of two turns, which half of the time is deleted."""
    heard = client.heard
    first = client.prompt("hello")
    session, runs = first["session_id"], [first["run_id"]]
    heard.sessions[session] = 1
    heard.runs[runs[0]] = "completed"
    second = client.prompt("and again", session_id=session)
    runs.append(second["run_id"])
    heard.runs[runs[1]] = "completed"
    heard.sessions[session] = 2
    if client.chance.random() < 0.5:
        heard.deleting[session] = runs
        client.json("DELETE", f"/api/v1/sessions/{session}")
        heard.deleted.add(session)


def listen(client: Client) -> None:
    """A run whose words are heard as they come."""
    words = client.chance.choice((40, 400))
    body = {"backend": "demo", "prompt": f"/steady {words} 1", "output_format": "stream-json"}
    for told in client.stream("POST", "/api/v1/prompt", body):
        if told["type"] == "session.bound":
            client.heard.sessions[told["session_id"]] = 0


def detach(client: Client) -> None:
    """A run for nobody, whose events are followed half of the time."""
    run = client.prompt(client.chance.choice(("hello", "/tool", "/steady 100 1", "/fail")), detach=True)
    client.heard.runs[run["id"]] = None
    client.heard.sessions[run["session_id"]] = 0
    if client.chance.random() < 0.5:
        for _ in client.stream("GET", f"/api/v1/runs/{run['id']}/events"):
            pass


def gather(client: Client) -> None:
    """A group of two, or a chain, whose runs are heard as they speak."""
    task = {"backend": "demo", "prompt": "/steady 60 1"}
    path, body = client.chance.choice((("parallel", {"tasks": [task, task]}), ("chain", {"steps": [task, task]})))
    ended = 0
    for told in client.stream("POST", f"/api/v1/{path}", body | {"output_format": "stream-json"}):
        ended += told["type"] == "run.finished"
        if ended == 2:
            client.heard.groups[told["group_id"]] = 2


def insist(client: Client) -> None:
    """Requests with a key, of which each must be answered alike for ever."""
    key = f"{client.name}-{len(client.heard.keys)}"
    task = {"backend": "demo", "prompt": client.chance.choice(("hello", "/fail"))}
    bodies = {"prompt": task, "parallel": {"tasks": [task, task]}, "chain": {"steps": [task]}}
    path = client.chance.choice(tuple(bodies))
    asked = f"/api/v1/{path}", bodies[path]
    client.heard.keys[key] = (*asked, None)
    status, told = client.ask("POST", *asked, **{"Idempotency-Key": key})
    assert status == 200, told
    client.heard.keys[key] = (*asked, told)


KINDS: tuple[Callable[[Client], None], ...] = (converse, listen, detach, gather, insist)


def work(client: Client, kind: Callable[[Client], None]) -> Heard:
    """Do it again and again, until the server is dead; what was heard."""
    while True:
        try:
            kind(client)
        except Died:
            return client.heard
