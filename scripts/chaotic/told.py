"""What clients were told: exchanges with their ends, runs with their events, sessions and keys."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PROBLEM: Final = "application/problem+json"
_PARTS: Final = ("title", "status", "detail", "request_id", "error")


class Surprise(Exception):
    """An answer that no client expects."""


@dataclass
class Exchange:
    """One exchange. `began` and `ended` are of its last request, by the monotonic clock.

    `end` is `answer`, `stream`, `problem` (then `detail` is its slug), `left` by the client, `cut` by the server,
    `refused` before it was heard, `late`, or `surprise`.
    """

    client: int
    number: int
    kind: str
    word: str
    began: float
    ended: float = 0.0
    end: str = ""
    detail: str = ""
    failed: str = ""
    """What a run's answer says in `error`."""

    @property
    def name(self) -> str:
        return f"{self.client}.{self.number} {self.kind} {self.word!r}"


@dataclass
class Run:
    """A run that a client was told of, at that moment; what it saw of its events, by number."""

    id: str
    at: float
    ended: float = float("inf")
    """When a client was told of its end."""
    events: dict[int, Any] = field(default_factory=dict)
    session: str | None = None


@dataclass
class Told:
    """All that clients know."""

    exchanges: list[Exchange] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    sessions: dict[str, float] = field(default_factory=dict)
    """Those that were named to a client, and when."""
    deleting: set[str] = field(default_factory=set)
    """Of these, those that somebody asked to delete."""
    deleted: set[str] = field(default_factory=set)
    """Of these, those that are gone, as the server has said."""
    keys: dict[str, tuple[Any, str, float]] = field(default_factory=dict)
    """Of an Idempotency-Key: the request, the run, and when that was told."""
    faults: list[str] = field(default_factory=list)

    def run(self, run_id: str | None) -> None:
        """A run was named."""
        if run_id:
            self.runs.setdefault(run_id, Run(run_id, time.monotonic()))

    def session(self, session_id: str | None, run_id: str | None = None) -> None:
        """A session was named, of that run."""
        if session_id:
            self.sessions.setdefault(session_id, time.monotonic())
            if run_id in self.runs:
                self.runs[run_id].session = session_id

    def head(self, head: Mapping[str, str]) -> None:
        """The head of an answer."""
        self.run(head.get("x-run-id"))

    def answer(self, body: Any) -> str:
        """A whole answer of the native API, of a run or a group; the first error of its runs."""
        results = body.get("results", [body])
        for result in results:
            self.run(result.get("run_id"))
            self.session(result.get("session_id"), result.get("run_id"))
            self._ended(result.get("run_id"))
        return str(next((result["error"] for result in results if result.get("error")), ""))

    def event(self, event: Any) -> None:
        """An event of a run, as its own stream or that of its group has it."""
        if "run_id" not in event or "seq" not in event:
            return
        self.run(event["run_id"])
        self.session(event.get("session_id"), event["run_id"])
        if event["type"] == "run.finished":
            self._ended(event["run_id"])
        seen = self.runs[event["run_id"]].events
        before = seen.setdefault(event["seq"], event)
        if before != event and "truncated" not in f"{before}{event}":
            self.faults.append(f"event {event['seq']} of {event['run_id']} was told in two ways")

    def _ended(self, run_id: str | None) -> None:
        if run_id:
            self.runs[run_id].ended = min(self.runs[run_id].ended, time.monotonic())


class Stream:
    """Events of a stream, of any API, as their bytes come. `last` is the last one."""

    def __init__(self) -> None:
        self.last: Any = None
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Any]:
        """What is whole by now: objects, or the text `[DONE]`."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            told = line.removeprefix(b"data: ") if line.startswith((b"data: ", b"{")) else b""
            if told:
                self.last = "[DONE]" if told == b"[DONE]" else json.loads(told)
                yield self.last

    @property
    def has_end(self) -> bool:
        """Whether the last event is one that ends a stream of its API."""
        kind = "[DONE]" if self.last == "[DONE]" else (self.last or {}).get("type")
        return kind in ENDS


ENDS: Final = frozenset(
    {
        "run.finished", "group.finished", "[DONE]", "message_stop", "error",
        "response.completed", "response.incomplete", "response.failed",
    }
)  # fmt: skip


def slug(status: int, head: Mapping[str, str], body: bytes) -> str:
    """Which problem that is. Raises Surprise where it is not told as documented."""
    if not head.get("content-type", "").startswith(PROBLEM):
        raise Surprise(f"status {status} without a problem: {body[:200]!r}")
    told = json.loads(body)
    missing = [part for part in _PARTS if part not in told]
    if missing or told["status"] != status:
        raise Surprise(f"a problem without {missing}: {body[:300]!r}")
    named = told.get("problem_type") or told["type"]
    return str(named).rpartition("/")[2]
