"""The objects of the API as types. Written by scripts/generate: change the schemas, not this file."""

# ruff: noqa: E501

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class MessagesTextBlock(TypedDict):
    """Text."""

    type: Literal["text"]
    text: str
    cache_control: NotRequired[Any]
    citations: NotRequired[Any]


class MessagesImageBlock(TypedDict):
    """An image. No backend is given any here: it is refused with `unsupported-parameter`."""

    type: Literal["image"]
    source: NotRequired[Any]


class MessagesDocumentBlock(TypedDict):
    """A document. No backend is given any here: it is refused with `unsupported-parameter`."""

    type: Literal["document"]
    source: NotRequired[Any]


class MessagesSearchResultBlock(TypedDict):
    """What a search of the client's has found: it is told as text, with its title and where it is from."""

    type: Literal["search_result"]
    title: str
    source: str
    content: list[MessagesTextBlock]
    cache_control: NotRequired[Any]
    citations: NotRequired[Any]


class MessagesToolUseBlock(TypedDict):
    """A tool that the assistant called: its name and its input are told in the transcript."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: Any
    cache_control: NotRequired[Any]


class MessagesToolResultBlock(TypedDict):
    """What a tool answered."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: NotRequired[
        str
        | list[MessagesTextBlock | MessagesImageBlock | MessagesDocumentBlock | MessagesSearchResultBlock]
        | None
    ]
    is_error: NotRequired[bool | None]
    cache_control: NotRequired[Any]


class MessagesThinkingBlock(TypedDict):
    """What the assistant thought: it is left out."""

    type: Literal["thinking"]
    thinking: NotRequired[Any]
    signature: NotRequired[Any]


class MessagesRedactedThinkingBlock(TypedDict):
    """What the assistant thought, and nobody may read: it is left out."""

    type: Literal["redacted_thinking"]
    data: NotRequired[Any]


class MessagesThinking(TypedDict):
    """Whether what the model thought is told, where its CLI tells it. How much it thinks is said by `output_config.effort`."""

    type: Literal["enabled", "adaptive", "between_tools", "disabled"]
    budget_tokens: NotRequired[int | None]
    display: NotRequired[str | None]


class MessagesOutputConfig(TypedDict):
    """What the answer is to be like."""

    effort: NotRequired[str | None]
    format: NotRequired[Any]


class MessagesToolChoice(TypedDict):
    """`auto` and `none` have no effect. What would force a call is refused with `unsupported-parameter`."""

    type: Literal["auto", "none", "any", "tool"]


class TextBlock(TypedDict):
    """What the model said."""

    type: Literal["text"]
    text: str
    citations: list[Any]


class ThinkingBlock(TypedDict):
    """What the model thought. Only where it was asked for."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class MessageUsage(TypedDict):
    """What was used. In the stream's first event it is not known yet: it is zero."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cache_creation: None
    inference_geo: None
    output_tokens_details: None
    server_tool_use: None
    service_tier: Literal["standard"]


class AnthropicModel(TypedDict):
    """One name to ask for: a backend, a model that is configured, or another name for one."""

    type: Literal["model"]
    id: str
    display_name: str
    created_at: str
    lifecycle: Literal["active"]
    capabilities: None
    max_input_tokens: None
    max_tokens: None


class ContentBlockStartEvent(TypedDict):
    """A block begins. One is open at a time."""

    type: Literal["content_block_start"]
    index: int
    content_block: TextBlock | ThinkingBlock


class MessageTextDelta(TypedDict):
    """Of text."""

    type: Literal["text_delta"]
    text: str


class MessageThinkingDelta(TypedDict):
    """Of a thought."""

    type: Literal["thinking_delta"]
    thinking: str


class MessageSignatureDelta(TypedDict):
    """The last of a thought."""

    type: Literal["signature_delta"]
    signature: str


class ContentBlockStopEvent(TypedDict):
    """The open block ends."""

    type: Literal["content_block_stop"]
    index: int


class MessageDeltaEventDelta(TypedDict):
    """How it ended."""

    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "pause_turn", "refusal"]
    stop_sequence: str | None
    stop_details: None
    container: None


class MessageDeltaEventUsage(TypedDict):
    """What all of it used."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens_details: None
    server_tool_use: None


class MessageDeltaEvent(TypedDict):
    """How the answer ended, and what all of it used."""

    type: Literal["message_delta"]
    delta: MessageDeltaEventDelta
    usage: MessageDeltaEventUsage


class MessageStopEvent(TypedDict):
    """The last."""

    type: Literal["message_stop"]


class MessageErrorEventErrorDetails(TypedDict):
    """More of it."""

    error_code: str


class MessageErrorEventError(TypedDict):
    """The same as the Anthropic SDKs read it."""

    type: str
    message: str
    details: MessageErrorEventErrorDetails


class MessageErrorEvent(TypedDict):
    """The last, in the place of all that is missing: the run failed after the stream had begun. It is a problem as in an answer of its own."""

    type: Literal["error"]
    problem_type: str
    title: str
    status: int
    detail: str
    request_id: str
    error: MessageErrorEventError


class TokenCount(TypedDict):
    """An estimate of what a conversation takes. It is made from its text alone, always the same for the same text: a quarter of a token for each ASCII character, half of one for other characters of two bytes in UTF-8 (Greek, Cyrillic, Arabic…), one for those of three (Chinese, Japanese, Korean…), two for those of four (emoji). What the CLI adds by itself is not in it."""

    input_tokens: int


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


class ProblemErrorDetails(TypedDict):
    """In the Anthropic form: what its SDKs show as the error's code."""

    error_code: str


class ProblemError(TypedDict):
    """The same for SDKs."""

    message: str
    type: str
    param: NotRequired[str | None]
    code: NotRequired[str | None]
    details: NotRequired[ProblemErrorDetails]


class Problem(TypedDict):
    """RFC 7807 problem details, with the member `error` that OpenAI and Anthropic clients read. Under `/anthropic` that member has the form of that API. When a request carries `anthropic-version`, `type` is "error" and the URI stands in `problem_type`."""

    type: str
    problem_type: NotRequired[str]
    title: str
    status: int
    detail: str
    request_id: str
    error: ProblemError
    errors: NotRequired[list[Fault]]


class RunResources(TypedDict):
    """What its processes take, while it is live or something of it lingers: as they were last looked at, every two seconds."""

    processes: int
    memory_bytes: int
    cpu: float


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
    lingers_until: NotRequired[str]
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
    output_chars: int
    events: int
    resources: NotRequired[RunResources]
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
    idle: int
    idle_memory_bytes: int
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
    linger_secs: NotRequired[float]
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


class DoctorReportFinding(TypedDict):
    id: str
    subject: Literal["cli", "config", "home", "server", "terminal", "env", "machine", "doctor"]
    level: Literal["ok", "note", "warning", "problem"]
    about: str
    message: str
    cure: str


class DoctorReport(TypedDict):
    """What `clinvk doctor --json` prints."""

    ok: bool
    version: str
    findings: list[DoctorReportFinding]


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
    """The server at one glance. Where API keys are asked for, whoever shows none is told `status` and no more."""

    status: Literal["ok", "degraded", "unhealthy", "draining"]
    version: NotRequired[str]
    uptime: NotRequired[str]
    uptime_ms: NotRequired[int]
    backends: NotRequired[list[HealthBackend]]
    session_store: NotRequired[HealthSessionStore]
    runs: NotRequired[HealthRuns]


class InspectionProcesse(TypedDict):
    pid: int
    ppid: int
    command: str
    state: str
    memory_bytes: int
    cpu_secs: float
    age_secs: float


class Inspection(TypedDict):
    """What only a look at a run tells that is live, or of which something lingers."""

    processes: list[InspectionProcesse]
    stderr_tail: str


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
    linger_secs: NotRequired[float]
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
    linger_secs: NotRequired[float]
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


class RequestListRequest(TypedDict):
    id: str
    at: str
    method: str
    path: str
    status: NotRequired[int]
    duration_ms: float
    client: str
    key_label: NotRequired[str]
    run_id: NotRequired[str]


class RequestList(TypedDict):
    """Some HTTP requests, newest first."""

    requests: list[RequestListRequest]


class RerunRequest(TypedDict):
    """A run that is to be run once more. No body asks for the same as `{}`."""

    backend: NotRequired[str]


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


class StatusBackend(TypedDict):
    name: str
    available: bool
    missed: bool


class StatusStore(TypedDict):
    """The store of sessions and runs."""

    session_count: int
    failure: NotRequired[str]


class StatusPulse(TypedDict):
    """How busy it is."""

    requests: list[int]
    failures: list[int]
    loop_lag_ms: float
    memory_bytes: int


class Status(TypedDict):
    """How busy the server is, and how it stands with what it needs."""

    version: str
    address: str
    at: str
    uptime_secs: float
    live: int
    queued: int
    lingering: int
    limit: int
    draining: bool
    keeps_content: bool
    backends: list[StatusBackend]
    store: StatusStore
    pulse: StatusPulse


class ChatChunkUsagePromptTokensDetails(TypedDict):
    """Of those read."""

    cached_tokens: int
    audio_tokens: int


class ChatChunkUsageCompletionTokensDetails(TypedDict):
    """Of those written."""

    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int


class ChatChunkUsage(TypedDict):
    """What the answer cost, where that was asked for; null before the last chunk."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: ChatChunkUsagePromptTokensDetails
    completion_tokens_details: ChatChunkUsageCompletionTokensDetails


class ChatDelta(TypedDict):
    """What is new."""

    role: NotRequired[Literal["assistant"]]
    content: NotRequired[str]
    reasoning_content: NotRequired[str]


class ChatAnswer(TypedDict):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[Any]
    reasoning_content: NotRequired[str]


class ChatUsagePromptTokensDetails(TypedDict):
    """Of those read."""

    cached_tokens: int
    audio_tokens: int


class ChatUsageCompletionTokensDetails(TypedDict):
    """Of those written."""

    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int


class ChatUsage(TypedDict):
    """What the answer cost, as far as the CLI tells: 0 where it says nothing."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: ChatUsagePromptTokensDetails
    completion_tokens_details: ChatUsageCompletionTokensDetails


class ChatTextPart(TypedDict):
    """Some text."""

    type: Literal["text"]
    text: str


class ChatInputTextPart(TypedDict):
    """Some text, as the Responses API calls it."""

    type: Literal["input_text"]
    text: str


class ChatOutputTextPart(TypedDict):
    """Some text of an answer, as the Responses API calls it."""

    type: Literal["output_text"]
    text: str


class ChatRefusalPart(TypedDict):
    """Why the assistant did not answer; read as text."""

    type: Literal["refusal"]
    refusal: str


class ChatImagePart(TypedDict):
    """An image. Refused: no backend is given images here."""

    type: Literal["image_url"]
    image_url: NotRequired[Any]


class ChatFilePart(TypedDict):
    """A file. Refused: no backend is given files here."""

    type: Literal["file"]
    file: NotRequired[Any]


class ChatAudioPart(TypedDict):
    """Sound. Refused: no backend is given sound here."""

    type: Literal["input_audio"]
    input_audio: NotRequired[Any]


class ChatAssistantMessageToolCallFunction(TypedDict):
    """The function that was called."""

    name: str
    arguments: NotRequired[str]


class ChatAssistantMessageToolCallCustom(TypedDict):
    """The custom tool that was called."""

    name: str
    input: NotRequired[str]


class ChatAssistantMessageToolCall(TypedDict):
    """One call."""

    id: NotRequired[str | None]
    type: NotRequired[str]
    function: NotRequired[ChatAssistantMessageToolCallFunction]
    custom: NotRequired[ChatAssistantMessageToolCallCustom]


class ChatAssistantMessageFunctionCall(TypedDict):
    """The function that it called, as older clients tell it."""

    name: str
    arguments: NotRequired[str]


class ChatRequestStreamOptions(TypedDict):
    """What a stream is to hold besides."""

    include_usage: NotRequired[bool | None]
    include_obfuscation: NotRequired[bool | None]


class ChatRequestResponseFormat(TypedDict):
    """`text` is fine; `json_object` and `json_schema` are refused, since no CLI can promise to keep to them: ask for JSON in a message."""

    type: str


class OpenaiModel(TypedDict):
    """One name that can be asked for."""

    id: str
    object: Literal["model"]
    created: Literal[1704067200]
    owned_by: Literal["clinvoker"]


class ResponseError(TypedDict):
    """Why the run failed; null if it did not."""

    code: Literal["server_error", "rate_limit_exceeded"]
    message: str


class ResponseIncompleteDetails(TypedDict):
    """Why it is incomplete; null if it is not."""

    reason: Literal["max_output_tokens"]


class ResponseUsageInputTokensDetails(TypedDict):
    """Of those read."""

    cached_tokens: int
    cache_write_tokens: int


class ResponseUsageOutputTokensDetails(TypedDict):
    """Of those written."""

    reasoning_tokens: int


class ResponseUsage(TypedDict):
    """What it used, as far as the CLI tells: 0 where it says nothing. Null until the end."""

    input_tokens: int
    input_tokens_details: ResponseUsageInputTokensDetails
    output_tokens: int
    output_tokens_details: ResponseUsageOutputTokensDetails
    total_tokens: int


class ResponseReasoning(TypedDict):
    """As asked."""

    effort: str | None
    summary: str | None


class ResponseTextFormat(TypedDict):
    """It is plain text."""

    type: Literal["text"]


class ResponseText(TypedDict):
    """The form of the answer."""

    format: ResponseTextFormat


class ResponseOutputText(TypedDict):
    """Some text of the answer."""

    type: Literal["output_text"]
    text: str
    annotations: list[Any]
    logprobs: list[Any]


class ResponseSummaryText(TypedDict):
    """Some of what the model thought."""

    type: Literal["summary_text"]
    text: str


class ResponsePartAddedEvent(TypedDict):
    """The text of a message begins."""

    type: Literal["response.content_part.added"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: Literal[0]
    part: ResponseOutputText


class ResponsePartDoneEvent(TypedDict):
    """The text of a message is whole, as a part."""

    type: Literal["response.content_part.done"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: Literal[0]
    part: ResponseOutputText


class ResponseTextDeltaEvent(TypedDict):
    """Answer text, as it comes."""

    type: Literal["response.output_text.delta"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: Literal[0]
    delta: str
    logprobs: list[Any]


class ResponseTextDoneEvent(TypedDict):
    """The text of a message is whole."""

    type: Literal["response.output_text.done"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: Literal[0]
    text: str
    logprobs: list[Any]


class ResponseSummaryAddedEvent(TypedDict):
    """The text of reasoning begins."""

    type: Literal["response.reasoning_summary_part.added"]
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: Literal[0]
    part: ResponseSummaryText


class ResponseSummaryDoneEvent(TypedDict):
    """The text of reasoning is whole, as a part."""

    type: Literal["response.reasoning_summary_part.done"]
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: Literal[0]
    part: ResponseSummaryText


class ResponseSummaryTextDeltaEvent(TypedDict):
    """Reasoning, as it comes."""

    type: Literal["response.reasoning_summary_text.delta"]
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: Literal[0]
    delta: str


class ResponseSummaryTextDoneEvent(TypedDict):
    """The text of reasoning is whole."""

    type: Literal["response.reasoning_summary_text.done"]
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: Literal[0]
    text: str


class ResponsesInputTextPart(TypedDict):
    """Some text."""

    type: Literal["input_text"]
    text: str


class ResponsesOutputTextPart(TypedDict):
    """Some text of an answer."""

    type: Literal["output_text"]
    text: str


class ResponsesTextPart(TypedDict):
    """Some text, as chat completions call it."""

    type: Literal["text"]
    text: str


class ResponsesRefusalPart(TypedDict):
    """Why the assistant did not answer; read as text."""

    type: Literal["refusal"]
    refusal: str


class ResponsesImagePart(TypedDict):
    """An image. Refused: no backend is given images here."""

    type: Literal["input_image"]
    image_url: NotRequired[Any]


class ResponsesFilePart(TypedDict):
    """A file. Refused: no backend is given files here."""

    type: Literal["input_file"]
    file_id: NotRequired[Any]


class ResponsesAudioPart(TypedDict):
    """Sound. Refused: no backend is given sound here."""

    type: Literal["input_audio"]
    input_audio: NotRequired[Any]


class ResponsesFunctionCall(TypedDict):
    """A tool of the client that the assistant called; told as a turn of its own."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class ResponsesReasoningInput(TypedDict):
    """What the model thought before. Passed over: it was for itself."""

    type: Literal["reasoning"]
    summary: NotRequired[Any]


class ResponsesItemReference(TypedDict):
    """An item by its id. Refused: none are kept."""

    type: Literal["item_reference"]
    id: NotRequired[Any]


class ResponsesRequestReasoning(TypedDict):
    """How the model shall think, and whether to tell it."""

    effort: NotRequired[str | None]
    summary: NotRequired[Literal["auto", "concise", "detailed"] | None]


class ResponsesRequestTextFormat(TypedDict):
    """`text` is fine; `json_object` and `json_schema` are refused, since no CLI can promise to keep to them: ask for JSON in a message."""

    type: str


class ResponsesRequestText(TypedDict):
    """The form of the answer: text is fine, any other is refused."""

    format: NotRequired[ResponsesRequestTextFormat | None]
    verbosity: NotRequired[Any]


class MessagesTurn(TypedDict):
    """One message."""

    role: Literal["user", "assistant", "system"]
    content: (
        str
        | list[
            MessagesTextBlock
            | MessagesImageBlock
            | MessagesDocumentBlock
            | MessagesSearchResultBlock
            | MessagesToolUseBlock
            | MessagesToolResultBlock
            | MessagesThinkingBlock
            | MessagesRedactedThinkingBlock
        ]
    )


Content: TypeAlias = TextBlock | ThinkingBlock


class Message(TypedDict):
    """The answer of the assistant."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[Content]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "pause_turn", "refusal"] | None
    stop_sequence: str | None
    stop_details: None
    container: None
    usage: MessageUsage


class MessagesRequest(TypedDict):
    """A conversation to be gone on with, as the Anthropic API takes it. A field that is not known has no effect; `null` is as if it were not there."""

    model: str
    max_tokens: int
    messages: list[MessagesTurn]
    system: NotRequired[str | list[MessagesTextBlock] | None]
    stream: NotRequired[bool | None]
    stop_sequences: NotRequired[list[str] | None]
    thinking: NotRequired[MessagesThinking | None]
    output_config: NotRequired[MessagesOutputConfig | None]
    output_format: NotRequired[Any]
    mcp_servers: NotRequired[list[Any] | None]
    tools: NotRequired[list[Any] | None]
    tool_choice: NotRequired[MessagesToolChoice | None]
    temperature: NotRequired[Any]
    top_p: NotRequired[Any]
    top_k: NotRequired[Any]
    metadata: NotRequired[Any]
    service_tier: NotRequired[Any]
    speed: NotRequired[Any]
    inference_geo: NotRequired[Any]
    container: NotRequired[Any]
    cache_control: NotRequired[Any]
    diagnostics: NotRequired[Any]
    context_management: NotRequired[Any]
    dry_run: NotRequired[bool | None]


class AnthropicModelList(TypedDict):
    """A page of names to ask for."""

    data: list[AnthropicModel]
    has_more: bool
    first_id: str | None
    last_id: str | None


class MessageStartEvent(TypedDict):
    """The first: the answer without its content."""

    type: Literal["message_start"]
    message: Message


class ContentBlockDeltaEvent(TypedDict):
    """A piece of the open block."""

    type: Literal["content_block_delta"]
    index: int
    delta: MessageTextDelta | MessageThinkingDelta | MessageSignatureDelta


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


class ChatChunkChoice(TypedDict):
    """The one choice."""

    index: Literal[0]
    delta: ChatDelta
    logprobs: None
    finish_reason: Literal["stop", "length", "content_filter"] | None


class ChatChoice(TypedDict):
    """The one choice."""

    index: Literal[0]
    message: ChatAnswer
    logprobs: None
    finish_reason: Literal["stop", "length", "content_filter"]


ChatPart: TypeAlias = (
    ChatTextPart
    | ChatInputTextPart
    | ChatOutputTextPart
    | ChatRefusalPart
    | ChatImagePart
    | ChatFilePart
    | ChatAudioPart
)


class ChatDeveloperMessage(TypedDict):
    """Instructions, as newer clients call them: the same as `system`."""

    role: Literal["developer"]
    content: str | list[ChatPart]
    name: NotRequired[str | None]


class ChatUserMessage(TypedDict):
    """What the user said."""

    role: Literal["user"]
    content: str | list[ChatPart]
    name: NotRequired[str | None]


class ChatAssistantMessage(TypedDict):
    """What the assistant said and called before."""

    role: Literal["assistant"]
    content: NotRequired[str | list[ChatPart] | None]
    name: NotRequired[str | None]
    refusal: NotRequired[str | None]
    tool_calls: NotRequired[list[ChatAssistantMessageToolCall] | None]
    function_call: NotRequired[ChatAssistantMessageFunctionCall | None]
    audio: NotRequired[dict[str, Any] | None]


class ChatToolMessage(TypedDict):
    """The result of a tool that the assistant called."""

    role: Literal["tool"]
    content: str | list[ChatPart]
    tool_call_id: str


class ChatFunctionMessage(TypedDict):
    """The result of a function, as older clients tell it."""

    role: Literal["function"]
    content: str | list[ChatPart] | None
    name: str


class OpenaiModelList(TypedDict):
    """Names that can be asked for: backends, then the models and aliases of the settings."""

    object: Literal["list"]
    data: list[OpenaiModel]


class ResponseMessageItem(TypedDict):
    """What the assistant says."""

    type: Literal["message"]
    id: str
    status: Literal["in_progress", "completed", "incomplete"]
    role: Literal["assistant"]
    content: list[ResponseOutputText]


class ResponseReasoningItem(TypedDict):
    """What the model thinks. Only if `reasoning.summary` asked for it."""

    type: Literal["reasoning"]
    id: str
    status: Literal["in_progress", "completed", "incomplete"]
    summary: list[ResponseSummaryText]


ResponsesInputPart: TypeAlias = (
    ResponsesInputTextPart
    | ResponsesOutputTextPart
    | ResponsesTextPart
    | ResponsesRefusalPart
    | ResponsesImagePart
    | ResponsesFilePart
    | ResponsesAudioPart
)


class ResponsesMessage(TypedDict):
    """What one side said. An answer of this API can be sent back as it came."""

    type: Literal["message"]
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[ResponsesInputPart]


class ResponsesFunctionResult(TypedDict):
    """What the tool said; told as a turn of its own."""

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[ResponsesInputPart]


class CountTokensRequest(TypedDict):
    """A conversation whose tokens are to be counted: what `POST /anthropic/v1/messages` would refuse of it is refused here too."""

    model: str
    messages: list[MessagesTurn]
    system: NotRequired[str | list[MessagesTextBlock] | None]
    thinking: NotRequired[MessagesThinking | None]
    output_config: NotRequired[MessagesOutputConfig | None]
    output_format: NotRequired[Any]
    mcp_servers: NotRequired[list[Any] | None]
    tools: NotRequired[list[Any] | None]
    tool_choice: NotRequired[MessagesToolChoice | None]
    cache_control: NotRequired[Any]
    context_management: NotRequired[Any]


MessageEvent: TypeAlias = (
    MessageStartEvent
    | ContentBlockStartEvent
    | ContentBlockDeltaEvent
    | ContentBlockStopEvent
    | MessageDeltaEvent
    | MessageStopEvent
    | MessageErrorEvent
)


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


class ChatChunk(TypedDict):
    """One chunk of a stream: first the role, then text as it comes, then why it ended, then the usage if `stream_options.include_usage` asks for it. The stream ends with `data: [DONE]`, behind a `Problem` where the run failed."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: NotRequired[ChatChunkUsage | None]


class ChatCompletion(TypedDict):
    """The whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage


class ChatSystemMessage(TypedDict):
    """Instructions. Wherever it stands, it is put into the system prompt of the CLI."""

    role: Literal["system"]
    content: str | list[ChatPart]
    name: NotRequired[str | None]


ResponseItem: TypeAlias = ResponseMessageItem | ResponseReasoningItem


class ResponseItemAddedEvent(TypedDict):
    """An item begins."""

    type: Literal["response.output_item.added"]
    sequence_number: int
    output_index: int
    item: ResponseItem


class ResponseItemDoneEvent(TypedDict):
    """An item is whole."""

    type: Literal["response.output_item.done"]
    sequence_number: int
    output_index: int
    item: ResponseItem


class ResponsesPlainMessage(TypedDict):
    """What one side said."""

    type: NotRequired[None]
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[ResponsesInputPart]


ChatMessage: TypeAlias = (
    ChatSystemMessage
    | ChatDeveloperMessage
    | ChatUserMessage
    | ChatAssistantMessage
    | ChatToolMessage
    | ChatFunctionMessage
)


class ChatRequest(TypedDict):
    """A conversation to go on with. Fields that are not known have no effect, and null is as good as absent."""

    model: str
    messages: list[ChatMessage]
    stream: NotRequired[bool | None]
    stream_options: NotRequired[ChatRequestStreamOptions | None]
    stop: NotRequired[str | list[str] | None]
    reasoning_effort: NotRequired[str | None]
    include_reasoning: NotRequired[bool | None]
    dry_run: NotRequired[bool | None]
    max_tokens: NotRequired[int | None]
    max_completion_tokens: NotRequired[int | None]
    tools: NotRequired[list[dict[str, Any]] | None]
    functions: NotRequired[list[dict[str, Any]] | None]
    tool_choice: NotRequired[str | dict[str, Any] | None]
    function_call: NotRequired[str | dict[str, Any] | None]
    response_format: NotRequired[ChatRequestResponseFormat | None]
    logprobs: NotRequired[bool | None]
    top_logprobs: NotRequired[int | None]
    modalities: NotRequired[list[str] | None]
    audio: NotRequired[dict[str, Any] | None]
    n: NotRequired[Any]
    temperature: NotRequired[Any]
    top_p: NotRequired[Any]
    frequency_penalty: NotRequired[Any]
    presence_penalty: NotRequired[Any]
    seed: NotRequired[Any]
    logit_bias: NotRequired[Any]
    parallel_tool_calls: NotRequired[Any]
    prediction: NotRequired[Any]
    verbosity: NotRequired[Any]
    web_search_options: NotRequired[Any]
    user: NotRequired[Any]
    safety_identifier: NotRequired[Any]
    metadata: NotRequired[Any]
    store: NotRequired[Any]
    service_tier: NotRequired[Any]
    prompt_cache_key: NotRequired[Any]
    prompt_cache_retention: NotRequired[Any]


class Response(TypedDict):
    """An answer, whole or as far as it has come."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    error: ResponseError | None
    incomplete_details: ResponseIncompleteDetails | None
    model: str
    output: list[ResponseItem]
    usage: ResponseUsage | None
    instructions: str | None
    max_output_tokens: int | None
    reasoning: ResponseReasoning
    metadata: dict[str, str]
    text: ResponseText
    tools: list[Any]
    tool_choice: Literal["auto"]
    parallel_tool_calls: Literal[True]
    max_tool_calls: None
    previous_response_id: None
    store: Literal[False]
    background: Literal[False]
    temperature: float
    top_p: float
    presence_penalty: float
    frequency_penalty: float
    top_logprobs: Literal[0]
    truncation: Literal["disabled"]
    service_tier: Literal["default"]
    user: None
    safety_identifier: None
    prompt_cache_key: None


class ResponseInProgressEvent(TypedDict):
    """The run is under way."""

    type: Literal["response.in_progress"]
    sequence_number: int
    response: Response


class ResponseCompletedEvent(TypedDict):
    """The end: the answer is whole."""

    type: Literal["response.completed"]
    sequence_number: int
    response: Response


class ResponseIncompleteEvent(TypedDict):
    """The end: the model came to a limit."""

    type: Literal["response.incomplete"]
    sequence_number: int
    response: Response


class ResponseFailedEvent(TypedDict):
    """The end: the run failed. What was begun stays open."""

    type: Literal["response.failed"]
    sequence_number: int
    response: Response


ResponsesInputItem: TypeAlias = (
    ResponsesPlainMessage
    | ResponsesMessage
    | ResponsesFunctionCall
    | ResponsesFunctionResult
    | ResponsesReasoningInput
    | ResponsesItemReference
)


class ResponsesRequest(TypedDict):
    """A conversation to go on with. Fields that are not known have no effect, and null is as good as absent."""

    model: str
    input: str | list[ResponsesInputItem]
    instructions: NotRequired[str | None]
    stream: NotRequired[bool | None]
    reasoning: NotRequired[ResponsesRequestReasoning | None]
    metadata: NotRequired[dict[str, Any] | None]
    dry_run: NotRequired[bool | None]
    max_output_tokens: NotRequired[int | None]
    previous_response_id: NotRequired[str | None]
    conversation: NotRequired[str | dict[str, Any] | None]
    prompt: NotRequired[dict[str, Any] | None]
    background: NotRequired[bool | None]
    text: NotRequired[ResponsesRequestText | None]
    tool_choice: NotRequired[str | dict[str, Any] | None]
    top_logprobs: NotRequired[int | None]
    tools: NotRequired[list[dict[str, Any]] | None]
    parallel_tool_calls: NotRequired[Any]
    max_tool_calls: NotRequired[Any]
    temperature: NotRequired[Any]
    top_p: NotRequired[Any]
    truncation: NotRequired[Any]
    context_management: NotRequired[Any]
    include: NotRequired[Any]
    stream_options: NotRequired[Any]
    store: NotRequired[Any]
    service_tier: NotRequired[Any]
    user: NotRequired[Any]
    safety_identifier: NotRequired[Any]
    prompt_cache_key: NotRequired[Any]
    prompt_cache_retention: NotRequired[Any]


class ResponseCreatedEvent(TypedDict):
    """The stream begins."""

    type: Literal["response.created"]
    sequence_number: int
    response: Response


ResponseEvent: TypeAlias = (
    ResponseCreatedEvent
    | ResponseInProgressEvent
    | ResponseItemAddedEvent
    | ResponseItemDoneEvent
    | ResponsePartAddedEvent
    | ResponsePartDoneEvent
    | ResponseTextDeltaEvent
    | ResponseTextDoneEvent
    | ResponseSummaryAddedEvent
    | ResponseSummaryDoneEvent
    | ResponseSummaryTextDeltaEvent
    | ResponseSummaryTextDoneEvent
    | ResponseCompletedEvent
    | ResponseIncompleteEvent
    | ResponseFailedEvent
)
