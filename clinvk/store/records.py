"""What the store takes and gives, besides sessions."""

from dataclasses import dataclass

from clinvk.domain.run import RunState


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as kept: columns to find it by, and its `view`, the JSON a reader gets.

    Times are seconds since the epoch; `finished_at` is set if the run has ended, and only then: what has no end
    would never expire. `request` is JSON that asks for the run once more, with its whole prompt; None where
    content is not kept. `log_bytes` is the size of the run's spool file.
    """

    id: str
    backend: str
    state: RunState
    created_at: float
    view: bytes
    session_id: str | None = None
    group_id: str | None = None
    finished_at: float | None = None
    request: str | None = None
    log_bytes: int = 0

    def __post_init__(self) -> None:
        if self.state.ended != (self.finished_at is not None):
            raise ValueError(f"{self.id}: {self.state} with finished_at={self.finished_at}")


@dataclass(frozen=True, slots=True)
class Expired:
    """What one batch did: the ids of runs that it removed, how many sessions it marked. False if nothing."""

    runs: tuple[str, ...] = ()
    marked: int = 0

    def __bool__(self) -> bool:
        return bool(self.runs or self.marked)
