"""A session: a conversation that clinvk keeps, from turn to turn and from one life of the server to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from clinvk.domain.run import RunState
from clinvk.domain.usage import Usage


class SessionStatus(StrEnum):
    """How a session's newest turn stands."""

    ACTIVE = "active"  # under way
    COMPLETED = "completed"
    ERROR = "error"  # it failed or was stopped
    PAUSED = "paused"  # never set: clients of other servers ask for it


@dataclass(frozen=True, slots=True)
class Session:
    """The record of one. Times are seconds since the epoch.

    `backend_session_id` is the CLI's own id of the conversation, None until a turn was bound to one.
    `title` and `initial_prompt` are the beginning of its first prompt, None where content is not kept.
    """

    id: str
    backend: str
    workdir: str
    created_at: float
    last_used: float
    model: str | None = None
    title: str | None = None
    initial_prompt: str | None = None
    status: SessionStatus = SessionStatus.ACTIVE
    turn_count: int = 1
    usage: Usage = field(default_factory=Usage)
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    backend_session_id: str | None = None

    def turn_begun(self, now: float, model: str | None) -> Self:
        """As one more turn begins: its model, if it names one, is the session's from now on."""
        turns = self.turn_count + 1
        model = model or self.model
        return replace(self, last_used=now, model=model, status=SessionStatus.ACTIVE, turn_count=turns)

    def turn_ended(self, now: float, state: RunState, usage: Usage) -> Self:
        """As its turn has ended in `state`, having used `usage`."""
        status = SessionStatus.COMPLETED if state is RunState.COMPLETED else SessionStatus.ERROR
        return replace(self, last_used=now, status=status, usage=self.usage + usage)
