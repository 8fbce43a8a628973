"""The objects of the API as types. Written by scripts/generate: change the schemas, not this file."""

# ruff: noqa: E501

from typing import Literal, NotRequired, TypeAlias, TypedDict


class Command(TypedDict):
    """What is executed for a run. The prompt is no part of it: it goes by standard input."""

    argv: list[str]
    """The program and its arguments."""

    cwd: str
    """The folder it works in."""

    env_names: list[str]
    """Names of the environment variables it sees. Values are never shown."""

    version: NotRequired[str]
    """Version of the CLI, where it tells one."""


class SessionBoundEvent(TypedDict):
    """The backend named its conversation."""

    type: Literal["session.bound"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    backend_session_id: str
    """The backend's own id."""


class TextDeltaEvent(TypedDict):
    """Answer text, as it comes."""

    type: Literal["text.delta"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    block: str
    """The text block it belongs to."""

    text: str
    """The text."""


class TextDoneEvent(TypedDict):
    """A text block is whole."""

    type: Literal["text.done"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    block: str
    """The block."""

    chars: int
    """Its length in characters."""

    text: NotRequired[str]
    """The whole text; left out above 1,048,576 characters, which the deltas have said."""


class TextDroppedEvent(TypedDict):
    """The backend abandoned a block and tries again: its text is no part of the answer."""

    type: Literal["text.dropped"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    block: str
    """The block."""


class ReasoningDeltaEvent(TypedDict):
    """Text of the model's reasoning."""

    type: Literal["reasoning.delta"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    text: str
    """The text."""


class ToolStartedEvent(TypedDict):
    """The agent began to use a tool."""

    type: Literal["tool.started"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    tool_id: str
    """Ties it to its `tool.done`."""

    name: str
    """The tool."""

    input: NotRequired[str]
    """What it was given, as the CLI tells it."""


class ToolDoneEvent(TypedDict):
    """The tool ended."""

    type: Literal["tool.done"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    tool_id: str
    """The `tool.started` it ends."""

    ok: bool
    """Whether it succeeded."""

    output: NotRequired[str]
    """What it gave, as the CLI tells it."""


class ApprovalAskedEvent(TypedDict):
    """The CLI asks leave."""

    type: Literal["approval.asked"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    ask_id: str
    """Ties it to its answer."""

    tool: str
    """The tool it wants to use."""

    action: Literal["read", "edit", "execute", "other"]
    """What it would do."""

    paths: list[str]
    """What it would touch."""

    detail: NotRequired[str]
    """More, as the CLI tells it."""

    vetting: NotRequired[bool]
    """Whether it asks before it looks at its own rules: what is not forbidden is then theirs to judge."""


class ApprovalAnsweredEvent(TypedDict):
    """The answer it got."""

    type: Literal["approval.answered"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    ask_id: str
    """The ask."""

    allowed: bool
    """Whether it may."""

    by: str
    """Who answered: `mode` is the approval mode."""

    reason: str
    """Why."""


class NoticeEvent(TypedDict):
    """Something worth knowing that is no answer."""

    type: Literal["notice"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: NotRequired[str]
    """The run; absent where the stream of all runs says that it begins late."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: NotRequired[str]
    """The backend; absent where the run is."""

    message: str
    """What."""


class RunQueuedEvent(TypedDict):
    """The run was taken."""

    type: Literal["run.queued"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    position: int
    """How many runs wait before it."""


class RunStartedEvent(TypedDict):
    """A child took the turn."""

    type: Literal["run.started"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    pid: int
    """Its process id."""

    start: Literal["cold", "warm", "live"]
    """How the run came by it."""


class Exit(TypedDict):
    """How the CLI's process ended: by a code or by a signal."""

    code: NotRequired[int]
    """Its exit code."""

    signal: NotRequired[str]
    """The signal that ended it, such as SIGKILL."""

    stderr_tail: str
    """The end of what it wrote to standard error."""


class Fault(TypedDict):
    """One thing wrong with a request."""

    path: str
    """Where, as a JSON path; `?name` for a query parameter."""

    message: str
    """What is wrong."""

    expected: str
    """What would be right."""


class ProblemError(TypedDict):
    """The same for SDKs."""

    message: str
    """What happened."""

    type: str
    """The SDK's name for it."""

    param: NotRequired[str | None]
    """The field at fault."""

    code: NotRequired[str | None]
    """The SDK's code for it."""


class Problem(TypedDict):
    """RFC 7807 problem details, with the member `error` that OpenAI and Anthropic clients read. When a request carries `anthropic-version`, `type` is "error" and the URI stands in `problem_type`."""

    type: str
    """URI of the kind of problem."""

    problem_type: NotRequired[str]
    """The URI, where `type` is "error"."""

    title: str
    """The kind, for people."""

    status: int
    """The HTTP status."""

    detail: str
    """What happened, in a sentence."""

    request_id: str
    """The request, as in `X-Request-Id`."""

    error: ProblemError
    """The same for SDKs."""

    errors: NotRequired[list[Fault]]
    """Every fault of the request."""


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
    """What kind of failure."""

    message: str
    """What happened, in a sentence."""

    retry_after_secs: NotRequired[float]
    """Seconds after which it may work, where that is known."""


RunState: TypeAlias = Literal["queued", "starting", "running", "stopping", "completed", "failed", "cancelled"]
"""Where a run stands. The last three are ends."""


StopCause: TypeAlias = Literal[
    "client", "disconnect", "console", "timeout", "shutdown", "group", "output_limit", "memory", "max_turns"
]
"""Why a run was stopped."""


class Usage(TypedDict):
    """What a turn used. The parts never add to the totals."""

    input_tokens: int
    """Tokens read, cache reads and writes included."""

    output_tokens: int
    """Tokens written, reasoning included."""

    cached_tokens: int
    """Of the input: read from a cache."""

    cache_write_tokens: int
    """Of the input: written to a cache."""

    reasoning_tokens: int
    """Of the output: reasoning."""

    cost_usd: NotRequired[float]
    """Cost in US dollars, where the CLI tells it."""


class BackendListBackendCapabilities(TypedDict):
    """What it can do."""

    stream: bool
    """Tell its text while it comes."""

    resume: bool
    """Go on with an earlier conversation."""

    system_prompt: bool
    """Take a system prompt."""

    images: bool
    """Take images."""

    warm: bool
    """Serve a run from a child that is up already. Not there yet."""


class BackendListBackend(TypedDict):
    name: str
    """The name to ask for it by."""

    available: bool
    """Whether it can be used: it is enabled, and its CLI is installed."""

    enabled: bool
    """Whether the configuration allows it."""

    version: NotRequired[str]
    """Of its CLI, where that tells."""

    path: NotRequired[str]
    """The program that is started; absent where clinvk brings it along."""

    models: list[str]
    """The models it is configured for. None can be configured yet."""

    capabilities: BackendListBackendCapabilities
    """What it can do."""

    live: int
    """Its runs that hold a slot."""

    limit: int
    """How many may at once."""

    reason: NotRequired[str]
    """Why it is not available, with the cure; or why its version is to be doubted."""


class BackendList(TypedDict):
    """Every backend, as it is on this machine."""

    backends: list[BackendListBackend]
    """claude, codex, gemini, then the others."""


class HealthBackend(TypedDict):
    name: str
    """The name to ask for it by."""

    available: bool
    """Whether it can be used."""


class HealthSessionStore(TypedDict):
    """The store of sessions and runs."""

    available: bool
    """Whether it can be used."""

    session_count: int
    """How many sessions it holds."""

    reason: NotRequired[str]
    """What is wrong with it, if anything."""


class HealthRuns(TypedDict):
    """What is under way."""

    live: int
    """Runs that hold a slot."""

    queued: int
    """Runs that wait for one."""


class Health(TypedDict):
    """The server at one glance."""

    status: Literal["ok", "degraded", "unhealthy"]
    """How it is: `degraded` if a backend with `enabled: true` is missing, `unhealthy` (503) if the store fails."""

    version: str
    """Of clinvk."""

    uptime: str
    """For people."""

    uptime_ms: int
    """For programs."""

    backends: list[HealthBackend]
    """The backends."""

    session_store: HealthSessionStore
    """The store of sessions and runs."""

    runs: HealthRuns
    """What is under way."""


class PromptRequest(TypedDict):
    """One prompt to run."""

    backend: str
    """Which CLI: a name from `GET /api/v1/backends`."""

    prompt: str
    """What to do. It is text and nothing else: no command of the CLI, no file to read, no flag. It reaches the CLI by standard input, never as an argument."""

    model: NotRequired[str]
    """Model for the CLI. If absent: the session's, the one configured for the backend, or the CLI's own default."""

    workdir: NotRequired[str]
    """Absolute path of the folder to work in. If absent: the session's, or the folder the server was started in."""

    session_id: NotRequired[str]
    """Session to go on with, by its whole id: in its own folder, with its own backend. One turn at a time."""

    ephemeral: NotRequired[bool]
    """Keep nothing: no session, and nothing in the CLI's own store. Otherwise the answer names the session to go on with."""

    approval_mode: NotRequired[Literal["default", "auto", "none", "always"]]
    """What the agent may do without asking: `default` the CLI's own rules, `auto` edits inside the workdir, `none` everything that the sandbox mode permits (dangerous), `always` nothing. What would be asked of a person is answered by the mode at once."""

    sandbox_mode: NotRequired[Literal["default", "read-only", "workspace", "full"]]
    """What may be done at all: `default` what the CLI's own settings say, `read-only` no edits, `workspace` edits inside the workdir, `full` everything. The pages of the backends say how each CLI keeps to it; the demo backend has no sandbox."""

    output_format: NotRequired[Literal["default", "text", "json", "stream-json"]]
    """`stream-json` streams the run's events; the others answer whole."""

    max_tokens: NotRequired[int]
    """Advisory: none of the CLIs has such an option."""

    max_turns: NotRequired[int]
    """Bound on how often the agent may ask its model; the run fails with `max_turns` where that is not enough."""

    system_prompt: NotRequired[str]
    """System prompt, added to the CLI's own; in its place with the setting `backends.NAME.replace_system_prompt`."""

    verbose: NotRequired[bool]
    """Accepted for compatibility; the event stream tells everything anyway."""

    dry_run: NotRequired[bool]
    """Answer what would be executed, and run nothing."""

    extra: NotRequired[list[str]]
    """Flags passed on to the CLI, of the backend's allow-list only. A value stands behind `=`: `--effort=high`."""

    metadata: NotRequired[dict[str, str]]
    """Kept with the run and shown with it: up to 64 names of up to 64 characters, each with a text of up to 512."""

    timeout_secs: NotRequired[float]
    """Seconds the run may take once it has a slot; the server's own limit holds too."""

    detach: NotRequired[bool]
    """Answer 202 with the run at once; it lives on when you leave."""


class PromptAnswer(TypedDict):
    """The run's outcome. A run that failed is an outcome too: look at `exit_code`."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session to go on with; absent for an ephemeral run."""

    continuation: NotRequired[Literal["live", "resumed", "fresh"]]
    """How a turn went on with its session: `live` in the process that had it, `resumed` by the CLI from its own store, `fresh` a new conversation, since the CLI knew nothing of the old one. Absent in a first turn."""

    backend: str
    """The backend."""

    model: NotRequired[str]
    """The model asked for."""

    exit_code: Literal[0, 1, -1]
    """0 the turn succeeded, 1 it failed, -1 it was stopped."""

    duration_ms: int
    """Milliseconds from request to end."""

    output: str
    """The answer: the text after the last tool."""

    token_usage: Usage
    """What it used."""

    error: NotRequired[str]
    """Why it did not complete."""


class PromptDryRun(TypedDict):
    """What would be executed."""

    dry_run: Literal[True]
    """Nothing was run."""

    backend: str
    """The backend."""

    command: Command
    """The command."""


PromptResponse: TypeAlias = PromptAnswer | PromptDryRun
"""The answer to one prompt, or what would have been executed for it."""


class Root(TypedDict):
    """Where to go from here."""

    name: str
    """Of the product."""

    version: str
    """Of clinvk."""

    health: str
    """Path."""

    openapi: str
    """Path."""


class SessionDeleted(TypedDict):
    """A session that is no more."""

    deleted: Literal[True]
    """It is gone, and its runs with it."""

    id: str
    """Its id."""

    notices: NotRequired[list[str]]
    """What of the CLI's own copy could not be deleted, a sentence each; absent if all is gone."""


class UsageReportedEvent(TypedDict):
    """What the turn used so far; each report replaces the one before."""

    type: Literal["usage.reported"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    usage: Usage
    """The usage."""


class TurnDoneEvent(TypedDict):
    """The backend's last word on the turn."""

    type: Literal["turn.done"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    stop_reason: NotRequired[Literal["end_turn", "max_tokens", "max_turns", "refusal"]]
    """Why the model stopped."""

    error: NotRequired[RunError]
    """Why it failed, if it did."""


class RunStoppingEvent(TypedDict):
    """The run was asked to end."""

    type: Literal["run.stopping"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    cause: StopCause
    """Why."""

    detail: NotRequired[str]
    """Which clock or ceiling struck."""


class RunFinishedEvent(TypedDict):
    """The end of the run: always, once, and last."""

    type: Literal["run.finished"]
    """The kind of event."""

    seq: int
    """Number of the event in its run, from 0."""

    at: str
    """When, UTC."""

    run_id: str
    """The run."""

    session_id: NotRequired[str]
    """The session it is a turn of, if it is of one."""

    backend: str
    """The backend."""

    state: RunState
    """How it ended."""

    code: Literal[0, 1, -1]
    """0 the turn succeeded, 1 it failed, -1 it was stopped."""

    seconds: float
    """From its creation to its end."""

    usage: Usage
    """What it used."""

    error: NotRequired[RunError]
    """Why it did not complete."""

    continuation: NotRequired[Literal["live", "resumed", "fresh"]]
    """How a turn went on with its session: `live` in the process that had it, `resumed` by the CLI from its own store, `fresh` a new conversation, since the CLI knew nothing of the old one. Absent in a first turn."""


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
)
"""One event of a run, in the order they happened. `type` says which."""


class Run(TypedDict):
    """One run: a supervised turn of one backend, in whatever API it came."""

    id: str
    """Its id."""

    state: RunState
    """Where it stands."""

    dialect: Literal["native", "openai", "anthropic"]
    """The API it came in by."""

    backend: str
    """The backend."""

    model: NotRequired[str]
    """The model asked for."""

    session_id: NotRequired[str]
    """The session it is a turn of."""

    continuation: NotRequired[Literal["live", "resumed", "fresh"]]
    """How a turn went on with its session: `live` in the process that had it, `resumed` by the CLI from its own store, `fresh` a new conversation, since the CLI knew nothing of the old one. Absent in a first turn."""

    created_at: str
    """When it was taken, UTC."""

    started_at: NotRequired[str]
    """When a child took its turn, UTC."""

    finished_at: NotRequired[str]
    """When it ended, UTC."""

    queued_ms: int
    """Milliseconds it waited for a slot."""

    queue_position: NotRequired[int]
    """How many runs wait before it, while it is queued."""

    first_output_ms: NotRequired[int]
    """Milliseconds from its creation to the first text, reasoning, tool or question."""

    duration_ms: NotRequired[int]
    """Milliseconds from its creation to its end."""

    start: NotRequired[Literal["cold", "warm", "live"]]
    """How it came by its child: a new process, one started ahead, or one in the same conversation."""

    client: str
    """The client's address."""

    key_label: NotRequired[str]
    """Label of the API key, never the key."""

    request_id: NotRequired[str]
    """The HTTP request that started it."""

    group_id: NotRequired[str]
    """The group of runs it belongs to."""

    prompt_preview: str
    """The beginning of its prompt, on one line."""

    metadata: dict[str, str]
    """What the client attached."""

    pid: NotRequired[int]
    """The child's process id, while it lives."""

    stop_cause: NotRequired[StopCause]
    """Why it was stopped, if it was."""

    exit: NotRequired[Exit]
    """How its process ended, once it has."""

    error: NotRequired[RunError]
    """Why it did not complete."""

    token_usage: Usage
    """What it used so far."""

    events: int
    """How many events its log holds."""

    command: NotRequired[Command]
    """What was executed."""


class Session(TypedDict):
    """A conversation that is kept: from turn to turn, and over a restart of the server."""

    id: str
    """Its id: what a prompt names to go on with it."""

    backend: str
    """The backend, the same in each of its turns."""

    created_at: str
    """When its first prompt was taken, UTC."""

    last_used: str
    """When its newest turn began or ended, UTC."""

    working_dir: str
    """The folder all its turns work in."""

    model: NotRequired[str]
    """The model that a turn asked for last, if one did."""

    title: NotRequired[str]
    """The beginning of its first prompt, on one line. Absent where content is not kept."""

    initial_prompt: NotRequired[str]
    """The first prompt, up to 400 characters of it. Absent where content is not kept."""

    status: Literal["active", "completed", "error", "paused"]
    """How its newest turn stands: `active` under way, `completed`, `error` failed or stopped. `paused` is never set."""

    turn_count: int
    """How many turns were begun."""

    token_usage: Usage
    """What its turns used together; nothing with `session.store_token_usage` off."""

    tags: list[str]
    """What `session.default_tags` was when it was made."""

    backend_session_id: NotRequired[str]
    """The CLI's own id of the conversation, once it has told it."""

    metadata: dict[str, str]
    """What the client attached to the first prompt."""


class RunList(TypedDict):
    """Some runs, newest first."""

    runs: list[Run]
    """The runs."""

    total: int
    """How many match."""

    limit: int
    """How many at most were asked for."""

    offset: int
    """How many were passed over."""

    next_cursor: NotRequired[str]
    """Where the next page begins, if there is one: the value of `cursor`."""


class SessionList(TypedDict):
    """Some sessions, the last used first."""

    sessions: list[Session]
    """The sessions."""

    total: int
    """How many match."""

    limit: int
    """How many at most were asked for."""

    offset: int
    """How many were passed over."""

    next_cursor: NotRequired[str]
    """Where the next page begins, if there is one: the value of `cursor`."""
