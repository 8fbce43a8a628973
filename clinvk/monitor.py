"""What a console sees of a server: read, follow, stop. Async and serialisable, so that the same console
can look at the server in its own process and at one behind the HTTP API."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from clinvk.domain.errors import RunError
from clinvk.domain.events import Entry
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import Continuation, Exit, RunState, Start, StopCause
from clinvk.domain.session import SessionStatus
from clinvk.domain.spec import Dialect
from clinvk.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class CommandView:
    """How a run was started, by which version of its CLI. Values of environment variables are never shown."""

    argv: tuple[str, ...]
    cwd: str
    env_names: tuple[str, ...]
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run as a reader sees it; `GET /api/v1/runs/{id}` is its JSON. Times are UTC in RFC 3339."""

    id: str
    state: RunState
    dialect: Dialect
    backend: str
    model: str | None = None
    session_id: str | None = None
    continuation: Continuation | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    queued_ms: int
    queue_position: int | None = None
    first_output_ms: int | None = None
    duration_ms: int | None = None
    start: Start | None = None
    client: str
    key_label: str | None = None
    request_id: str | None = None
    group_id: str | None = None
    task: int | None = None
    step: int | None = None
    prompt_preview: str
    metadata: Mapping[str, str]
    pid: int | None = None
    stop_cause: StopCause | None = None
    exit: Exit | None = None
    error: RunError | None = None
    notices: tuple[str, ...] = ()
    token_usage: Usage
    events: int
    command: CommandView | None = None
    request_as_curl: str | None = None


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some of `total` runs."""

    runs: tuple[RunView, ...]
    total: int
    limit: int
    offset: int
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One session as a reader sees it; `GET /api/v1/sessions/{id}` is its JSON. Times are UTC in RFC 3339."""

    id: str
    backend: str
    created_at: str
    last_used: str
    working_dir: str
    model: str | None = None
    title: str | None = None
    initial_prompt: str | None = None
    status: SessionStatus
    turn_count: int
    token_usage: Usage
    tags: tuple[str, ...]
    backend_session_id: str | None = None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Some of `total` sessions."""

    sessions: tuple[SessionView, ...]
    total: int
    limit: int
    offset: int
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """One backend, and whether its CLI is there. `missed` if it is not, and the configuration wants it."""

    name: str
    available: bool
    missed: bool = False


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The store of sessions and runs: `failure` says what is wrong with it, None while it is well."""

    session_count: int
    failure: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """The server at one glance."""

    version: str
    uptime_secs: float
    live: int
    queued: int
    limit: int
    backends: tuple[BackendStatus, ...]
    store: StoreStatus
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

    async def sessions(self, query: SessionQuery) -> SessionPage:
        """Raises StoreUnavailable."""
        ...

    async def session(self, prefix: str) -> SessionView:
        """The session whose id is `prefix`, or alone begins so. Raises SessionNotFound, SessionAmbiguous,
        StoreUnavailable.
        """
        ...

    async def delete_session(self, session_id: str) -> tuple[str, ...]:
        """Forget it, its runs and the CLI's own copy; a sentence for each thing that could not be deleted.

        Raises SessionNotFound, SessionBusy, StoreUnavailable.
        """
        ...

    async def stop(self, run_id: str, cause: StopCause) -> RunView:
        """Ask for a run's end. Raises RunNotFound."""
        ...
