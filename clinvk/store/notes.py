"""What nobody waits for: written with whatever comes next, or in a moment, and only the newest of each thing."""

import asyncio
from collections.abc import Callable
from typing import Final

from clinvk.store.jobs import Job, Work

_MOMENT_SECS: Final = 0.05
"""What a note may be lost by if the server is killed. A run that ends sooner needs none."""

Note = Callable[[], Work[None]]
"""Says what is to be written, at the time when it is."""


class Notes:
    """Notes by what they are about, until they are handed over. Belongs to the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[Job[None]], None]) -> None:
        self._loop = loop
        self._take = take
        self._waiting: dict[str, tuple[Note, asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, about: str, note: Note) -> asyncio.Future[None]:
        """In place of what was noted of it before. Done once it is written; never, if it need not be."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.pop(about, None)
        self._waiting[about] = note, done
        if self._timer is None:
            self._timer = self._loop.call_later(_MOMENT_SECS, self._due)
        return done

    def drop(self, about: str) -> None:
        """Forget what was noted of it."""
        self._waiting.pop(about, None)

    def hand_over(self) -> None:
        """Let them be taken now, in the order in which they came."""
        if self._waiting:
            for job in self.rest():
                self._take(job)

    def rest(self) -> list[Job[None]]:
        """Those that wait, which are not kept here any more."""
        notes, self._waiting = self._waiting, {}
        return [Job(note(), done, writes=True) for note, done in notes.values()]

    def _due(self) -> None:
        self._timer = None
        self.hand_over()
