"""A run: one supervised turn, as a state machine that is data."""

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from clinvk.domain.errors import RunError
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in ENDED


class Signal(StrEnum):
    """What moves a run on."""

    ADMITTED = "admitted"  # it got its slot
    STARTED = "started"  # a child took its turn
    STOP = "stop"  # somebody or something asked it to end
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})

TRANSITIONS: Final = MappingProxyType(
    {
        (RunState.QUEUED, Signal.ADMITTED): RunState.STARTING,
        (RunState.QUEUED, Signal.FAILED): RunState.FAILED,
        (RunState.QUEUED, Signal.CANCELLED): RunState.CANCELLED,
        (RunState.STARTING, Signal.STARTED): RunState.RUNNING,
        (RunState.STARTING, Signal.FAILED): RunState.FAILED,
        (RunState.STARTING, Signal.CANCELLED): RunState.CANCELLED,
        (RunState.RUNNING, Signal.STOP): RunState.STOPPING,
        (RunState.RUNNING, Signal.COMPLETED): RunState.COMPLETED,
        (RunState.RUNNING, Signal.FAILED): RunState.FAILED,
        (RunState.STOPPING, Signal.FAILED): RunState.FAILED,
        (RunState.STOPPING, Signal.CANCELLED): RunState.CANCELLED,
    }
)


class IllegalTransition(Exception):
    """A signal that the run's state does not know: a fault of ours."""


class StopCause(StrEnum):
    """Why we ended a run."""

    CLIENT = "client"
    DISCONNECT = "disconnect"
    CONSOLE = "console"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    GROUP = "group"
    OUTPUT_LIMIT = "output_limit"
    MEMORY = "memory"
    MAX_TURNS = "max_turns"


class StopReason(StrEnum):
    """Why the model ended its turn."""

    END_TURN = "end_turn"
    MAX_TOKENS = "max_tokens"
    MAX_TURNS = "max_turns"
    REFUSAL = "refusal"


class Start(StrEnum):
    """How a run came by its child: a new process, one started ahead, or one in the same conversation."""

    COLD = "cold"
    WARM = "warm"
    LIVE = "live"


class Continuation(StrEnum):
    """How a turn went on with the conversation of its session."""

    LIVE = "live"  # in the very process that had it
    RESUMED = "resumed"  # the CLI took it up from its own store
    FRESH = "fresh"  # the CLI knew nothing of it: a new one was begun


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that was asked for: why, and in a sentence what struck (which clock, which ceiling)."""

    cause: StopCause
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: `code` or `signal` (one of them), and the end of what it wrote to stderr."""

    code: int | None = None
    signal: str | None = None
    stderr_tail: str = ""

    @property
    def clean(self) -> bool:
        return self.code == 0

    @property
    def last_words(self) -> str:
        """The last line on stderr that says anything."""
        return self.stderr_tail.strip().rpartition("\n")[2].strip()


@dataclass(slots=True)
class Run:
    """The record of one run. Times are seconds since the epoch."""

    id: str
    spec: RunSpec
    created_at: float
    state: RunState = RunState.QUEUED
    started_at: float | None = None
    first_output_at: float | None = None
    finished_at: float | None = None
    start: Start | None = None
    start_saved_secs: float = 0.0
    """What the start of its child had taken before it came."""
    pid: int | None = None
    backend_session_id: str | None = None
    continuation: Continuation | None = None
    stop: Stop | None = None
    stop_reason: StopReason | None = None
    exit: Exit | None = None
    error: RunError | None = None
    notices: tuple[str, ...] = ()
    """What is worth knowing of it, for whoever gets its answer."""
    usage: Usage = field(default_factory=Usage)
    output_chars: int = 0
    """Of text and reasoning so far."""

    def apply(self, signal: Signal) -> None:
        """Move on, or raise IllegalTransition and stay."""
        try:
            self.state = TRANSITIONS[self.state, signal]
        except KeyError:
            raise IllegalTransition(f"{self.id}: {signal} in state {self.state}") from None
