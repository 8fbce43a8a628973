"""What one request starts: a run, or a group of runs. How it is read, owned, and asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from clinvk.domain import run
from clinvk.domain.events import Entry
from clinvk.supervisor.owners import Owners
from clinvk.supervisor.waiting import Take
from clinvk.views import RunView

HEADERS: Final = {"run": "X-Run-Id", "grp": "X-Group-Id"}
"""In the head of an answer, by the kind of what was started: how its id begins."""
START_HEADER: Final = "X-Clinvk-Start"
"""In the head of an answer: how its run came by its child."""


class Readable(Protocol):
    """Entries 0, 1, 2…: of a run, of a group of them, or of all."""

    @property
    def closed(self) -> bool: ...

    @property
    def length(self) -> int:
        """How many there are so far."""
        ...

    async def read(self, since: int = 0) -> list[Entry]:
        """What there is from number `since` on, or as much of it as is worth one write; none if there is none."""
        ...

    def changed(self, take: Take | None = None) -> "asyncio.Future[None]":
        """Done when there is more, or nothing will ever come. A reader that is up to date can take the next entry
        in the moment it is there. Whoever waits no longer cancels the future.
        """
        ...


class Begun(Protocol):
    """What a request has started."""

    @property
    def id(self) -> str:
        """`run_…`, or `grp_…` for a group of them."""
        ...

    @property
    def child_start(self) -> run.Start | None:
        """How its run came by its child; None while it has none, and for a group."""
        ...


class Operation(Begun, Protocol):
    """Under way, or ended. Whoever wants its answer owns it until then: without an owner it is stopped."""

    @property
    def log(self) -> Readable:
        """Its events."""
        ...

    @property
    def finished(self) -> "asyncio.Future[Any]":
        """Done at the end. Not to be cancelled."""
        ...

    @property
    def owners(self) -> Owners: ...

    def stop(self, stop: run.Stop) -> None: ...

    def answer(self) -> dict[str, Any]:
        """The whole answer, once it has finished."""
        ...


class Form(Enum):
    """What is wanted of an operation: its answer, its events, or only that it is there."""

    WHOLE = "whole"
    STREAM = "stream"
    DETACHED = "detached"


@dataclass(frozen=True, slots=True)
class Start:
    """What a request starts unless it was sent before.

    It is a `run`, or a group of them: a `grp`. `begin` starts it under the id that it is given, for the request
    that gives it. `again` makes the answer of a run that has ended from what is known of it and from its text;
    there is none for a group.
    """

    kind: str
    begin: Callable[[str], Awaitable[Operation]]
    again: Callable[[RunView, str], dict[str, Any]] | None = None
