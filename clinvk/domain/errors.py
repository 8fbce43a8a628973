"""What can go wrong: faults of a request are exceptions, the failure of a run is data."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Why a run did not complete."""

    BACKEND_FAILED = "backend_failed"  # the CLI said that the turn failed
    BACKEND_EXITED = "backend_exited"  # it ended with a code or by a signal, and no result
    NO_RESULT = "no_result"  # it ended well and gave no result
    SPAWN_FAILED = "spawn_failed"
    USAGE_LIMIT = "usage_limit"  # of the account, or the provider's rate limit
    NOT_AUTHENTICATED = "not_authenticated"  # not logged in, or a key that is refused
    FORBIDDEN = "forbidden"  # logged in, and not allowed this
    MODEL_NOT_FOUND = "model_not_found"
    OVERLOADED = "overloaded"
    PROVIDER_ERROR = "provider_error"  # any other refusal or failure of the model's provider
    NETWORK = "network"  # the provider was not reached, or the connection broke
    UNTRUSTED_FOLDER = "untrusted_folder"
    NO_REPOSITORY = "no_repository"  # the CLI works in a git repository only
    RESUME_FAILED = "resume_failed"  # the conversation to go on with is not there, or is another
    PROTOCOL = "protocol"  # the CLI broke its own protocol
    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output_limit"
    MEMORY = "memory"
    MAX_TURNS = "max_turns"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the server died while the run was live
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class RunError:
    """A failure in a sentence that names its cure; `retry_after_secs` where it is known."""

    code: ErrorCode
    message: str
    retry_after_secs: float | None = None


class ClinvkError(Exception):
    """Something a caller can be told. HTTP statuses are the API's concern, not ours."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where (a JSON path), what, and what would be right."""

    path: str
    message: str
    expected: str


class InvalidInput(ClinvkError):
    """An input that breaks its schema or a rule: every fault, not the first."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.path or '/'}: {fault.message}" for fault in faults))
        self.faults = faults


class BackendNotFound(ClinvkError):
    """No such backend, or it is not installed or disabled."""

    def __init__(self, name: str, reason: str | None = None) -> None:
        super().__init__(f"The requested backend '{name}' is not available" + (f": {reason}" if reason else ""))
        self.name = name


class Forbidden(ClinvkError):
    """Whoever asks may not have that: a folder or a backend that is not for them, say."""


class RunNotFound(ClinvkError):
    """No run has that id, or it is past its retention."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run '{run_id}', or it is past its retention")


class GroupNotFound(ClinvkError):
    """No group of runs has that id, or it is past its retention."""

    def __init__(self, group_id: str) -> None:
        super().__init__(f"There is no group of runs '{group_id}', or it is past its retention")


class SessionNotFound(ClinvkError):
    """No session has that id."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"There is no session '{session_id}'")


class SessionAmbiguous(ClinvkError):
    """More than one session's id begins so."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"More than one session's id begins with '{prefix}': give more of it")


class StoreUnavailable(ClinvkError):
    """The store of sessions and runs cannot be used, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The session store is not available: {reason}")
        self.reason = reason


class SessionBusy(ClinvkError):
    """The session has a turn under way: a conversation takes one at a time."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"The session '{session_id}' is busy with another turn")


class QueueFull(ClinvkError):
    """As many runs wait as may wait; `retry_after_secs` is a guess at when a place is free."""

    def __init__(self, waiting: int, retry_after_secs: int, told: str | None = None) -> None:
        super().__init__(told or f"The queue is full: {waiting} runs are waiting for a free slot")
        self.retry_after_secs = retry_after_secs


class ShuttingDown(ClinvkError):
    """The server is draining and takes no new runs."""

    def __init__(self) -> None:
        super().__init__("The server is shutting down and takes no new runs")


class LineTooLong(ClinvkError):
    """A child wrote a line beyond the ceiling: what it meant cannot be known."""

    def __init__(self, ceiling: int) -> None:
        super().__init__(f"The CLI wrote a line longer than {ceiling} bytes")
