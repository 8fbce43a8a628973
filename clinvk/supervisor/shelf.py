"""The shelf: children that wait, by what they are good for."""

from collections.abc import Iterator
from typing import NamedTuple

from clinvk.backends.base import Backend
from clinvk.domain.run import Start
from clinvk.domain.spec import RunSpec
from clinvk.supervisor.lease import Kept, Key


class Idle(NamedTuple):
    """How many children wait, and the bytes of memory that they held when they were last looked at."""

    children: int
    memory_bytes: int


class Shelf:
    """Who waits, the longest first."""

    def __init__(self) -> None:
        self._waiting: dict[Kept, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Kept]:
        return iter(list(self._waiting))

    def __contains__(self, kept: object) -> bool:
        return kept in self._waiting

    def put(self, kept: Kept, now: float) -> None:
        """From `now` on, in seconds, it waits."""
        kept.idle_since = now
        self._waiting[kept] = None

    def take(self, kept: Kept) -> None:
        """It waits no more."""
        del self._waiting[kept]

    def idle(self, backend: str) -> Idle:
        """Those of one backend."""
        waiting = [kept.memory for kept in self._waiting if kept.backend.name == backend]
        return Idle(len(waiting), sum(waiting))

    def with_conversation(self, backend: Backend, conversation: str) -> Kept | None:
        """That which is kept for the conversation."""
        whose = (backend.name, conversation)
        return next((kept for kept in self._waiting if (kept.backend.name, kept.conversation) == whose), None)

    def is_live(self, kept: Kept, key: Key, spec: RunSpec) -> bool:
        """Whether it can go on with the conversation of `spec` where it is."""
        is_there = kept.key == key and kept.child.is_heard and kept.is_current
        return is_there and kept.child.dialogue.fit(spec) is Start.LIVE

    def fitting(self, key: Key, spec: RunSpec) -> tuple[Kept, Start] | None:
        """The best one for a turn of `spec`, and how it starts there: one that has the conversation, else the one
        that was used last.
        """
        best = None
        for kept in self._waiting:
            if kept.conversation is not None:
                if kept.conversation == spec.resume and self.is_live(kept, key, spec):
                    return kept, Start.LIVE
            elif kept.key == key and kept.child.is_heard and kept.child.dialogue.fit(spec):
                best = kept, Start.WARM
        return best

    @property
    def memory(self) -> int:
        """Bytes that all of them held when they were last looked at."""
        return sum(kept.memory for kept in self._waiting)
