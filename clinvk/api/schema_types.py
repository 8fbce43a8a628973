"""The objects of the API as types. Written by scripts/generate: change the schemas, not this file."""

# ruff: noqa: E501

from typing import Literal, NotRequired, TypeAlias, TypedDict


class Command(TypedDict):
    """What is executed for a run. The prompt is no part of it: it goes by standard input."""

    argv: list[str]
    cwd: str
    env_names: list[str]
    version: NotRequired[str]


class SessionBoundEvent(TypedDict):
    """The backend named its conversation."""

    type: Literal["session.bound"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    backend_session_id: str


class TextDeltaEvent(TypedDict):
    """Answer text, as it comes."""

    type: Literal["text.delta"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    block: str
    text: str


class TextDoneEvent(TypedDict):
    """A text block is whole."""

    type: Literal["text.done"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    block: str
    chars: int
    text: NotRequired[str]


class TextDroppedEvent(TypedDict):
    """The backend abandoned a block and tries again: its text is no part of the answer."""

    type: Literal["text.dropped"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    block: str


class ReasoningDeltaEvent(TypedDict):
    """Text of the model's reasoning."""

    type: Literal["reasoning.delta"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    text: str


class ToolStartedEvent(TypedDict):
    """The agent began to use a tool."""

    type: Literal["tool.started"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    tool_id: str
    name: str
    input: NotRequired[str]


class ToolDoneEvent(TypedDict):
    """The tool ended."""

    type: Literal["tool.done"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    tool_id: str
    ok: bool
    output: NotRequired[str]


class ApprovalAskedEvent(TypedDict):
    """The CLI asks leave."""

    type: Literal["approval.asked"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    ask_id: str
    tool: str
    action: Literal["read", "edit", "execute", "other"]
    paths: list[str]
    detail: NotRequired[str]
    vetting: NotRequired[bool]


class ApprovalAnsweredEvent(TypedDict):
    """The answer it got."""

    type: Literal["approval.answered"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    ask_id: str
    allowed: bool
    by: str
    reason: str


class Usage(TypedDict):
    """What a turn used. The parts never add to the totals."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: NotRequired[float]


class NoticeEvent(TypedDict):
    """Something worth knowing that is no answer."""

    type: Literal["notice"]
    seq: int
    at: str
    run_id: NotRequired[str]
    session_id: NotRequired[str]
    backend: NotRequired[str]
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    message: str


class RunError(TypedDict):
    """Why a run did not complete."""

    code: Literal[
        "backend_failed",
        "backend_exited",
        "no_result",
        "spawn_failed",
        "usage_limit",
        "not_authenticated",
        "forbidden",
        "model_not_found",
        "overloaded",
        "provider_error",
        "network",
        "untrusted_folder",
        "no_repository",
        "resume_failed",
        "protocol",
        "timeout",
        "output_limit",
        "memory",
        "max_turns",
        "cancelled",
        "interrupted",
        "internal",
    ]
    message: str
    retry_after_secs: NotRequired[float]


class RunQueuedEvent(TypedDict):
    """The run was taken."""

    type: Literal["run.queued"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    position: int


class RunStartedEvent(TypedDict):
    """A child took the turn."""

    type: Literal["run.started"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    pid: int
    start: Literal["cold", "warm", "live"]


StopCause: TypeAlias = Literal[
    "client", "disconnect", "console", "timeout", "shutdown", "group", "output_limit", "memory", "max_turns"
]


RunState: TypeAlias = Literal["queued", "starting", "running", "stopping", "completed", "failed", "cancelled"]


class GroupFinishedEvent(TypedDict):
    """The end of a group of runs: always, once, and last in its stream."""

    type: Literal["group.finished"]
    seq: int
    at: str
    group_id: str
    kind: Literal["parallel", "chain", "compare"]
    total: int
    completed: int
    failed: int
    seconds: float


class Exit(TypedDict):
    """How the CLI's process ended: by a code or by a signal."""

    code: NotRequired[int]
    signal: NotRequired[str]
    stderr_tail: str


class Fault(TypedDict):
    """One thing wrong with a request."""

    path: str
    message: str
    expected: str


class ProblemError(TypedDict):
    """The same for SDKs."""

    message: str
    type: str
    param: NotRequired[str | None]
    code: NotRequired[str | None]


class Problem(TypedDict):
    """RFC 7807 problem details, with the member `error` that OpenAI and Anthropic clients read. When a request carries `anthropic-version`, `type` is "error" and the URI stands in `problem_type`."""

    type: str
    problem_type: NotRequired[str]
    title: str
    status: int
    detail: str
    request_id: str
    error: ProblemError
    errors: NotRequired[list[Fault]]


class Run(TypedDict):
    """One run: a supervised turn of one backend, in whatever API it came."""

    id: str
    state: RunState
    dialect: Literal["native", "openai", "anthropic"]
    backend: str
    model: NotRequired[str]
    session_id: NotRequired[str]
    continuation: NotRequired[Literal["live", "resumed", "fresh"]]
    created_at: str
    started_at: NotRequired[str]
    finished_at: NotRequired[str]
    queued_ms: int
    queue_position: NotRequired[int]
    first_output_ms: NotRequired[int]
    duration_ms: NotRequired[int]
    start: NotRequired[Literal["cold", "warm", "live"]]
    client: str
    key_label: NotRequired[str]
    request_id: NotRequired[str]
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    prompt_preview: str
    metadata: dict[str, str]
    pid: NotRequired[int]
    stop_cause: NotRequired[StopCause]
    exit: NotRequired[Exit]
    error: NotRequired[RunError]
    notices: list[str]
    token_usage: Usage
    events: int
    command: NotRequired[Command]
    request_as_curl: NotRequired[str]


class Session(TypedDict):
    """A conversation that is kept: from turn to turn, and over a restart of the server."""

    id: str
    backend: str
    created_at: str
    last_used: str
    working_dir: str
    model: NotRequired[str]
    title: NotRequired[str]
    initial_prompt: NotRequired[str]
    status: Literal["active", "completed", "error", "paused"]
    turn_count: int
    token_usage: Usage
    tags: list[str]
    backend_session_id: NotRequired[str]
    metadata: dict[str, str]


class BackendListBackendCapabilities(TypedDict):
    """What it can do."""

    stream: bool
    resume: bool
    system_prompt: bool
    images: bool
    warm: bool


class BackendListBackend(TypedDict):
    name: str
    available: bool
    enabled: bool
    version: NotRequired[str]
    path: NotRequired[str]
    models: list[str]
    capabilities: BackendListBackendCapabilities
    live: int
    limit: int
    reason: NotRequired[str]


class BackendList(TypedDict):
    """Every backend, as it is on this machine."""

    backends: list[BackendListBackend]


class Step(TypedDict):
    """One prompt of a chain."""

    name: NotRequired[str]
    backend: str
    prompt: str
    model: NotRequired[str]
    workdir: NotRequired[str]
    approval_mode: NotRequired[Literal["default", "auto", "none", "always"]]
    sandbox_mode: NotRequired[Literal["default", "read-only", "workspace", "full"]]
    max_tokens: NotRequired[int]
    max_turns: NotRequired[int]
    system_prompt: NotRequired[str]
    verbose: NotRequired[bool]
    extra: NotRequired[list[str]]
    metadata: NotRequired[dict[str, str]]
    timeout_secs: NotRequired[float]
    ephemeral: NotRequired[Literal[True]]
    output_format: NotRequired[Literal["default", "text", "json"]]


class StepResult(TypedDict):
    """The outcome of one step."""

    step: int
    name: NotRequired[str]
    run_id: NotRequired[str]
    backend: str
    model: NotRequired[str]
    exit_code: Literal[0, 1, -1]
    duration_ms: int
    output: str
    token_usage: Usage
    error: NotRequired[str]
    notices: NotRequired[list[str]]


class MemberDryRun(TypedDict):
    """What would be executed for one of them."""

    backend: str
    command: Command


class CompareRequest(TypedDict):
    """One prompt, run with several backends."""

    prompt: str
    backends: list[str]
    sequential: NotRequired[bool]
    model: NotRequired[str]
    workdir: NotRequired[str]
    approval_mode: NotRequired[Literal["default", "auto", "none", "always"]]
    sandbox_mode: NotRequired[Literal["default", "read-only", "workspace", "full"]]
    max_tokens: NotRequired[int]
    max_turns: NotRequired[int]
    system_prompt: NotRequired[str]
    verbose: NotRequired[bool]
    metadata: NotRequired[dict[str, str]]
    timeout_secs: NotRequired[float]
    output_format: NotRequired[Literal["default", "text", "json", "stream-json"]]
    dry_run: NotRequired[bool]


class BackendResult(TypedDict):
    """The outcome with one backend."""

    run_id: NotRequired[str]
    backend: str
    model: NotRequired[str]
    exit_code: Literal[0, 1, -1]
    duration_ms: int
    output: str
    token_usage: Usage
    error: NotRequired[str]
    notices: NotRequired[list[str]]


class GroupStopped(TypedDict):
    """How it stands with a group of runs that was asked to end."""

    group_id: str
    ended: bool
    live: int
    total: int


class HealthBackend(TypedDict):
    name: str
    available: bool


class HealthSessionStore(TypedDict):
    """The store of sessions and runs."""

    available: bool
    session_count: int
    reason: NotRequired[str]


class HealthRuns(TypedDict):
    """What is under way."""

    live: int
    queued: int


class Health(TypedDict):
    """The server at one glance."""

    status: Literal["ok", "degraded", "unhealthy"]
    version: str
    uptime: str
    uptime_ms: int
    backends: list[HealthBackend]
    session_store: HealthSessionStore
    runs: HealthRuns


class Task(TypedDict):
    """One prompt of many that run side by side."""

    backend: str
    prompt: str
    model: NotRequired[str]
    workdir: NotRequired[str]
    approval_mode: NotRequired[Literal["default", "auto", "none", "always"]]
    sandbox_mode: NotRequired[Literal["default", "read-only", "workspace", "full"]]
    max_tokens: NotRequired[int]
    max_turns: NotRequired[int]
    system_prompt: NotRequired[str]
    verbose: NotRequired[bool]
    extra: NotRequired[list[str]]
    metadata: NotRequired[dict[str, str]]
    timeout_secs: NotRequired[float]
    ephemeral: NotRequired[Literal[True]]
    output_format: NotRequired[Literal["default", "text", "json"]]


class TaskResult(TypedDict):
    """The outcome of one task."""

    task: int
    run_id: NotRequired[str]
    backend: str
    model: NotRequired[str]
    exit_code: Literal[0, 1, -1]
    duration_ms: int
    output: str
    token_usage: Usage
    error: NotRequired[str]
    notices: NotRequired[list[str]]


class PromptRequest(TypedDict):
    """One prompt to run."""

    backend: str
    prompt: str
    model: NotRequired[str]
    workdir: NotRequired[str]
    session_id: NotRequired[str]
    ephemeral: NotRequired[bool]
    approval_mode: NotRequired[Literal["default", "auto", "none", "always"]]
    sandbox_mode: NotRequired[Literal["default", "read-only", "workspace", "full"]]
    output_format: NotRequired[Literal["default", "text", "json", "stream-json"]]
    max_tokens: NotRequired[int]
    max_turns: NotRequired[int]
    system_prompt: NotRequired[str]
    verbose: NotRequired[bool]
    dry_run: NotRequired[bool]
    extra: NotRequired[list[str]]
    metadata: NotRequired[dict[str, str]]
    timeout_secs: NotRequired[float]
    detach: NotRequired[bool]


class PromptAnswer(TypedDict):
    """The run's outcome. A run that failed is an outcome too: look at `exit_code`."""

    run_id: str
    session_id: NotRequired[str]
    continuation: NotRequired[Literal["live", "resumed", "fresh"]]
    backend: str
    model: NotRequired[str]
    exit_code: Literal[0, 1, -1]
    duration_ms: int
    output: str
    token_usage: Usage
    error: NotRequired[str]
    notices: NotRequired[list[str]]


class PromptDryRun(TypedDict):
    """What would be executed."""

    dry_run: Literal[True]
    backend: str
    command: Command


class Root(TypedDict):
    """Where to go from here."""

    name: str
    version: str
    health: str
    openapi: str
    docs: str


class RunList(TypedDict):
    """Some runs, newest first."""

    runs: list[Run]
    total: int
    limit: int
    offset: int
    next_cursor: NotRequired[str]


class SessionDeleted(TypedDict):
    """A session that is no more."""

    deleted: Literal[True]
    id: str
    notices: NotRequired[list[str]]


class SessionList(TypedDict):
    """Some sessions, the last used first."""

    sessions: list[Session]
    total: int
    limit: int
    offset: int
    next_cursor: NotRequired[str]


class UsageReportedEvent(TypedDict):
    """What the turn used so far; each report replaces the one before."""

    type: Literal["usage.reported"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    usage: Usage


class TurnDoneEvent(TypedDict):
    """The backend's last word on the turn."""

    type: Literal["turn.done"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    stop_reason: NotRequired[Literal["end_turn", "max_tokens", "max_turns", "refusal"]]
    error: NotRequired[RunError]


class RunStoppingEvent(TypedDict):
    """The run was asked to end."""

    type: Literal["run.stopping"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    cause: StopCause
    detail: NotRequired[str]


class RunFinishedEvent(TypedDict):
    """The end of the run: always, once, and last."""

    type: Literal["run.finished"]
    seq: int
    at: str
    run_id: str
    session_id: NotRequired[str]
    backend: str
    group_id: NotRequired[str]
    task: NotRequired[int]
    step: NotRequired[int]
    state: RunState
    code: Literal[0, 1, -1]
    seconds: float
    usage: Usage
    error: NotRequired[RunError]
    continuation: NotRequired[Literal["live", "resumed", "fresh"]]


class ChainRequest(TypedDict):
    """Prompts run one after the other, each with the answer of the one before it."""

    steps: list[Step]
    stop_on_failure: NotRequired[bool]
    pass_working_dir: NotRequired[bool]
    output_format: NotRequired[Literal["default", "text", "json", "stream-json"]]
    dry_run: NotRequired[bool]


class ChainAnswer(TypedDict):
    """The outcome of a chain. That a run failed is an outcome too: look at each `exit_code`."""

    group_id: str
    total_steps: int
    completed_steps: int
    failed_step: int
    total_duration_ms: int
    results: list[StepResult]
    notices: NotRequired[list[str]]


class GroupDryRun(TypedDict):
    """What would be executed for many prompts."""

    dry_run: Literal[True]
    results: list[MemberDryRun]


class CompareAnswer(TypedDict):
    """The outcome of a comparison. That a run failed is an outcome too: look at each `exit_code`."""

    group_id: str
    prompt: str
    backends: list[str]
    total_duration_ms: int
    results: list[BackendResult]
    notices: NotRequired[list[str]]


class ParallelRequest(TypedDict):
    """Many prompts, run side by side."""

    tasks: list[Task]
    max_parallel: NotRequired[int]
    fail_fast: NotRequired[bool]
    output_format: NotRequired[Literal["default", "text", "json", "stream-json"]]
    dry_run: NotRequired[bool]


class ParallelAnswer(TypedDict):
    """The outcome of a parallel request. That a run failed is an outcome too: look at each `exit_code`."""

    group_id: str
    total_tasks: int
    completed: int
    failed: int
    total_duration_ms: int
    results: list[TaskResult]
    notices: NotRequired[list[str]]


PromptResponse: TypeAlias = PromptAnswer | PromptDryRun


Event: TypeAlias = (
    SessionBoundEvent
    | TextDeltaEvent
    | TextDoneEvent
    | TextDroppedEvent
    | ReasoningDeltaEvent
    | ToolStartedEvent
    | ToolDoneEvent
    | ApprovalAskedEvent
    | ApprovalAnsweredEvent
    | UsageReportedEvent
    | NoticeEvent
    | TurnDoneEvent
    | RunQueuedEvent
    | RunStartedEvent
    | RunStoppingEvent
    | RunFinishedEvent
    | GroupFinishedEvent
)


ChainResponse: TypeAlias = ChainAnswer | GroupDryRun


CompareResponse: TypeAlias = CompareAnswer | GroupDryRun


ParallelResponse: TypeAlias = ParallelAnswer | GroupDryRun
