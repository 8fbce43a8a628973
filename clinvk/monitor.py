"""What a console sees of a server: read, follow, stop. Async and serialisable, so that the same console
can look at the server in its own process and at one behind the HTTP API."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from clinvk.domain.errors import RunError
from clinvk.domain.events import Entry
from clinvk.domain.run import Exit, RunState, Start, StopCause
from clinvk.domain.spec import Dialect
from clinvk.domain.usage import Usage

DEFAULT_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class CommandView:
    """How a run was started, by which version of its CLI. Values of environment variables are never shown."""

    argv: tuple[str, ...]
    cwd: str
    env_names: tuple[str, ...]
    version: str | None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run as a reader sees it; `GET /api/v1/runs/{id}` is its JSON. Times are UTC in RFC 3339."""

    id: str
    state: RunState
    dialect: Dialect
    backend: str
    model: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    queued_ms: int
    queue_position: int | None
    first_output_ms: int | None
    duration_ms: int | None
    start: Start | None
    client: str
    key_label: str | None
    request_id: str | None
    group_id: str | None
    prompt_preview: str
    metadata: Mapping[str, str]
    pid: int | None
    stop_cause: StopCause | None
    exit: Exit | None
    error: RunError | None
    token_usage: Usage
    events: int
    command: CommandView | None


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs, newest first."""

    state: RunState | None = None
    backend: str | None = None
    limit: int = DEFAULT_PAGE
    offset: int = 0


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some of `total` runs."""

    runs: tuple[RunView, ...]
    total: int
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """One backend, and whether its CLI is there."""

    name: str
    available: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The server at one glance."""

    version: str
    uptime_secs: float
    live: int
    queued: int
    limit: int
    backends: tuple[BackendStatus, ...]
    draining: bool


class Monitor(Protocol):
    """The console's view of a server."""

    async def status(self) -> Status: ...

    async def runs(self, query: RunQuery) -> RunPage: ...

    async def run(self, run_id: str) -> RunView:
        """Raises RunNotFound."""
        ...

    def events(self, since: int = 0) -> AsyncIterator[list[Entry]]:
        """Every run's lifecycle as it happens, from number `since` of that stream."""
        ...

    def run_events(self, run_id: str, since: int = 0) -> AsyncIterator[list[Entry]]:
        """One run's events from number `since` to its end. Raises RunNotFound."""
        ...

    async def stop(self, run_id: str, cause: StopCause) -> RunView:
        """Ask for a run's end. Raises RunNotFound."""
        ...
