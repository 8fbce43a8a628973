"""Everything a run can say. Output is what the backend said, Lifecycle what the supervisor did.

Each class is one wire type; its fields are the payload, and a field that is None is left out.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from clinvk.domain.errors import RunError
from clinvk.domain.group import GroupKind
from clinvk.domain.run import Continuation, RunState, Start, StopCause, StopReason
from clinvk.domain.usage import Usage

TRUNCATED: Final = "truncated: "
"""So begins the notice of events that were not kept."""
TEXT_DONE_LIMIT: Final = 1 << 20
"""Characters beyond which `text.done` gives the length alone: its deltas have said it all."""


@dataclass(frozen=True)
class SessionBound:
    """The backend named its conversation."""

    type: ClassVar = "session.bound"
    backend_session_id: str


@dataclass(frozen=True)
class TextDelta:
    """Answer text, as it comes, in the text block `block`."""

    type: ClassVar = "text.delta"
    block: str
    text: str


@dataclass(frozen=True)
class TextDone:
    """The block is whole: `text`, of `chars` characters; None above TEXT_DONE_LIMIT."""

    type: ClassVar = "text.done"
    block: str
    chars: int
    text: str | None


@dataclass(frozen=True)
class TextDropped:
    """The backend abandoned the block (it tried again): its text is no part of the answer."""

    type: ClassVar = "text.dropped"
    block: str


@dataclass(frozen=True)
class ReasoningDelta:
    """Text of the model's reasoning."""

    type: ClassVar = "reasoning.delta"
    text: str


@dataclass(frozen=True)
class ToolStarted:
    """The agent began to use a tool; `input` is what the CLI tells of it, as text."""

    type: ClassVar = "tool.started"
    tool_id: str
    name: str
    input: str | None = None


@dataclass(frozen=True)
class ToolDone:
    """The tool ended, well or not."""

    type: ClassVar = "tool.done"
    tool_id: str
    ok: bool
    output: str | None = None


@dataclass(frozen=True)
class ApprovalAsked:
    """The CLI asks leave. `action` is `read`, `edit`, `execute` or `other`; `paths` what it would touch.

    `vetting` says that the CLI asks before it looks at its own rules: what is not forbidden is theirs to judge.
    """

    type: ClassVar = "approval.asked"
    ask_id: str
    tool: str
    action: str
    paths: tuple[str, ...] = ()
    detail: str | None = None
    vetting: bool = False


@dataclass(frozen=True)
class ApprovalAnswered:
    """The answer it got, and by whom: `mode` (the approval mode) until there is a queue of people."""

    type: ClassVar = "approval.answered"
    ask_id: str
    allowed: bool
    by: str
    reason: str


@dataclass(frozen=True)
class UsageReported:
    """What the turn used so far: each report replaces the one before."""

    type: ClassVar = "usage.reported"
    usage: Usage


@dataclass(frozen=True)
class Notice:
    """Something worth knowing that is no answer: a warning, or a line we do not know."""

    type: ClassVar = "notice"
    message: str


@dataclass(frozen=True)
class TurnDone:
    """The backend's last word on the turn; an `error` means that it failed."""

    type: ClassVar = "turn.done"
    stop_reason: StopReason | None = None
    error: RunError | None = None


@dataclass(frozen=True)
class RunQueued:
    """The run was taken; `position` runs wait before it."""

    type: ClassVar = "run.queued"
    position: int


@dataclass(frozen=True)
class RunStarted:
    """A child took the turn."""

    type: ClassVar = "run.started"
    pid: int
    start: Start


@dataclass(frozen=True)
class RunStopping:
    """The run was asked to end."""

    type: ClassVar = "run.stopping"
    cause: StopCause
    detail: str | None = None


@dataclass(frozen=True)
class RunFinished:
    """The end, always and once. `code` is 0 for a turn that succeeded, 1 for a failed, -1 for a stopped one.

    `continuation` is how it went on with its session's conversation, if it was not the first turn.
    """

    type: ClassVar = "run.finished"
    state: RunState
    code: int
    seconds: float
    usage: Usage
    error: RunError | None = None
    continuation: Continuation | None = None


@dataclass(frozen=True)
class GroupFinished:
    """The end of a group of runs, always and once. `failed` are all that did not succeed: those that were stopped
    or never began, too. `seconds` are from the request to the end of the last run.
    """

    type: ClassVar = "group.finished"
    kind: GroupKind
    total: int
    completed: int
    failed: int
    seconds: float


Output = (
    SessionBound
    | TextDelta
    | TextDone
    | TextDropped
    | ReasoningDelta
    | ToolStarted
    | ToolDone
    | ApprovalAsked
    | ApprovalAnswered
    | UsageReported
    | Notice
    | TurnDone
)
Lifecycle = RunQueued | RunStarted | RunStopping | RunFinished | GroupFinished
Event = Output | Lifecycle


class Entry(NamedTuple):
    """An event in a log: its number there, its type, and the JSON line it is on every wire."""

    seq: int
    type: str
    line: bytes


SUBSTANCE: Final = (TextDelta, ReasoningDelta, ToolStarted, ApprovalAsked)
"""Output that shows the backend at work: what the first-output clock waits for."""
