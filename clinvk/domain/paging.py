"""Lists in pages: what is asked for, and what one page holds."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from clinvk.domain.session import SessionStatus

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
    limit: int = 50
    offset: int = 0
    cursor: str | None = None
