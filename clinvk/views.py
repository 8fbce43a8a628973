"""Runs, sessions and the rest as readers see them: plain data, the same in this process and over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass

from clinvk.domain.errors import RunError
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
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """What the processes of a run take, as they were last looked at: how many there are, their resident memory,
    and the CPU time they used since the look before, as a share of one core (1.0 is all of it).
    """

    processes: int
    memory_bytes: int
    cpu: float


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
    lingers_until: str | None = None
    """When what it left ends at the latest, while there is some of it."""
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
    output_chars: int = 0
    """Characters of text and reasoning so far: a CLI tells its tokens late, often only at the end."""
    events: int
    resources: Resources | None = None
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
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """How busy the server is. `requests` are those answered in each of the last 60 seconds, the newest last;
    `failures` are those of them that ended with a status of 500 or more, or were broken off by us.
    """

    requests: tuple[int, ...]
    failures: tuple[int, ...]
    loop_lag_ms: float
    """The longest that a due piece of work had to wait for the event loop, of the last five seconds."""
    memory_bytes: int
    """Resident memory of the server itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The server at one glance."""

    version: str
    address: str
    """As clients call it: `http://127.0.0.1:8080`; empty while it does not listen yet."""
    at: str
    """The server's own time: ages are counted from it."""
    uptime_secs: float
    live: int
    queued: int
    lingering: int = 0
    """Runs that have ended, and of which something lives on."""
    limit: int
    draining: bool
    keeps_content: bool
    """Whether prompts and answers are kept (`session.store_content`)."""
    backends: tuple[BackendStatus, ...]
    store: StoreStatus
    pulse: Pulse


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do."""

    stream: bool
    resume: bool
    system_prompt: bool
    images: bool
    warm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendView:
    """One backend as a reader sees it; `GET /api/v1/backends` lists them."""

    name: str
    available: bool
    enabled: bool
    version: str | None = None
    path: str | None = None
    models: tuple[str, ...] = ()
    capabilities: Capabilities
    live: int
    limit: int
    idle: int = 0
    """Its processes that wait for a next run."""
    idle_memory_bytes: int = 0
    """What these held when they were last looked at."""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """One HTTP request; one without a `status` is under way, and its `duration_ms` is so far.

    Status 499: the client left before the answer.
    """

    id: str
    at: str
    method: str
    path: str
    status: int | None = None
    duration_ms: float
    client: str
    key_label: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process of a run, parents before their children. `cpu_secs` is what it used in its whole life.

    `command` is its name and arguments, shortened. `state` is the kernel's letter: R runs, S sleeps, D waits for a
    device, T is stopped, Z has ended.
    """

    pid: int
    ppid: int
    command: str
    state: str
    memory_bytes: int
    cpu_secs: float
    age_secs: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """What only a look at a run tells that is live, or of which something lives on: its processes, and the end of
    what the CLI wrote to stderr so far.
    """

    processes: tuple[ProcessView, ...]
    stderr_tail: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the server's own log: `level` is `debug`, `info`, `warning` or `error`."""

    seq: int
    at: str
    level: str
    logger: str
    message: str
