"""Lists in pages: what is asked for, and what a page holds."""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from clinvk.domain.run import RunState
from clinvk.domain.session import SessionStatus

DEFAULT_PAGE: Final = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list: `total` is how many match, `next_cursor` where the next page begins, if there is one."""

    items: tuple[T, ...]
    total: int
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """Which sessions, newest use first: `offset` counts from the `cursor`, where there is one."""

    backend: str | None = None
    status: SessionStatus | None = None
    limit: int = DEFAULT_PAGE
    offset: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs, newest first: `offset` counts from the `cursor`, where there is one. `live`: only those that
    have not ended. `lingering`: only those of which something lives on after their end.
    """

    state: RunState | None = None
    live: bool = False
    lingering: bool = False
    backend: str | None = None
    session_id: str | None = None
    group_id: str | None = None
    limit: int = DEFAULT_PAGE
    offset: int = 0
    cursor: str | None = None
