"""What a trial is, and what one row of the table is made of."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from family import Family
from server import Server, Stream, Unexpected, standing

QUIET: Mapping[str, Any] = {"pool": {"enabled": False}}
"""Settings with which each run has a process of its own, and nobody waits for a next one."""


@dataclass(frozen=True)
class Trial:
    """What was seen: processes left, seconds from the cause until the last was gone, what the client was told and
    what is kept. Without `seconds` nothing had to end."""

    left: int
    seconds: float | None
    client: str
    kept: str


class Place:
    """A home for the servers of a row's trials, one after the other. It ends them."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="clinvk-trial-"))
        self.settings = settings
        self._servers: list[Server] = []

    def start(self, **how: Any) -> Server:
        """The next server on that home; `how` is what `Server` takes."""
        self._servers.append(Server(self.home, self.settings, **how))
        return self._servers[-1]

    def server(self, **how: Any) -> Server:
        """The one that the trial before has left alive, or a new one."""
        if self._servers and self._servers[-1].process.poll() is None:
            return self._servers[-1]
        return self.start(**how)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.end()
        shutil.rmtree(self.home, ignore_errors=True)


class Known(Protocol):
    """A run by its id."""

    run_id: str


@dataclass(frozen=True)
class Row:
    """One end, or one fault, that is tried again and again.

    `shared` is a trial on a server that lives on, `alone` one that ends it and starts others. `needs` says why it
    cannot be tried here, or nothing. `does` is what is done, and `note` what else there is to know.
    """

    id: str
    part: str
    name: str
    does: str
    shared: Callable[[Server], Trial] | None = None
    alone: Callable[[Place], Trial] | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: QUIET)
    how: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 100
    needs: Callable[[], str] = lambda: ""
    note: str = ""


def kept(server: Server, stream: Known) -> str:
    """What is there of a run that has ended: its record, its events, its session."""
    run, events = server.run(stream.run_id), server.replay(stream.run_id)
    if "state" not in run:
        return f"the run is not kept ({run.get('status')})"
    numbers = [event["seq"] for event in events]
    is_whole = numbers == list(range(len(events))) and events and events[-1]["type"] == "run.finished"
    told = f"run {standing(run)}; {'all events' if is_whole else 'events are missing'}"
    if not run.get("session_id"):
        return f"{told}; no session"
    status, _ = server.ask("GET", f"/api/v1/sessions/{run['session_id']}")
    return f"{told}; {'session' if status == 200 else f'session lost ({status})'}"


def stopped_at(server: Server, run_id: str) -> float:
    """When the run was asked to end, by its own log, in seconds since the epoch."""
    for event in server.replay(run_id):
        if event["type"] == "run.stopping":
            return datetime.fromisoformat(event["at"]).timestamp()
    raise Unexpected("it was not stopped")


def whole(server: Server, stream: Stream, family: Family, client: str) -> Trial:
    """The trial of a run on a server that lives on, once the client has been told its end."""
    left, seconds = family.gone(server.below)
    return Trial(left, seconds, client, kept(server, stream))
