"""An operation that has ended, told once more: from its answer, or from what is kept of its runs."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

import orjson

from clinvk.api.operation import Readable
from clinvk.domain.answer import Answer
from clinvk.domain.events import (
    TRUNCATED,
    Entry,
    Event,
    GroupFinished,
    Notice,
    RunQueued,
    TextDelta,
    TextDropped,
    ToolStarted,
)
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import Start, Stop
from clinvk.store.records import RunRecord
from clinvk.store.store import Store
from clinvk.supervisor.history import History
from clinvk.supervisor.log import EventLog
from clinvk.supervisor.owners import Owners
from clinvk.supervisor.waiting import Take

_PAGE: Final = 200


class Replay:
    """The logs of runs that have ended, one after the other, then a line of their group's own: Readable."""

    closed = True

    def __init__(self, history: History, run_ids: Sequence[str], last_line: bytes | None = None) -> None:
        self._history = history
        self._run_ids = run_ids
        self._last_line = last_line
        self._logs: list[EventLog] = []
        self._starts = [0]
        """The number of each log's first entry, and that behind the last of those opened so far."""

    @property
    def length(self) -> int:
        """As far as it has been opened."""
        return self._starts[-1]

    async def read(self, since: int = 0) -> list[Entry]:
        """Entries from number `since`; none at the end."""
        for number in range(bisect_right(self._starts, since) - 1, len(self._run_ids)):
            log = await self.log(number)
            start = self._starts[number]
            if since < start + log.length:
                return [Entry(start + seq, kind, line) for seq, kind, line in await log.read(since - start)]
        is_last = self._last_line is not None and since == self._starts[-1]
        return [Entry(since, GroupFinished.type, self._last_line or b"")] if is_last else []

    def changed(self, take: Take | None = None) -> "asyncio.Future[None]":  # noqa: ARG002
        """Done: nothing will ever come."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def log(self, number: int) -> EventLog:
        """That of one run. Raises RunNotFound, StoreUnavailable."""
        if number == len(self._logs):
            log = await self._history.log(self._run_ids[number])
            self._logs.append(log)
            self._starts.append(self._starts[-1] + log.length)
        return self._logs[number]


class Told:
    """What has ended, and is only told: `clinvk.api.operation.Operation`. Nobody needs to own it."""

    def __init__(self, id_: str, log: Readable, answer: dict[str, Any], child_start: Start | None = None) -> None:
        self.id = id_
        self.child_start = child_start
        self.log = log
        self.owners = Owners(self, lambda: None)
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.finished.set_result(None)
        self._answer = answer

    def stop(self, stop: Stop) -> None:
        """Nothing is left to be stopped."""

    def answer(self) -> dict[str, Any]:
        """The whole answer."""
        return self._answer


async def runs_of(store: Store, group_id: str) -> list[str]:
    """The runs of a group, in the order in which they were begun. Raises StoreUnavailable."""
    found: list[RunRecord] = []
    query: RunQuery | None = RunQuery(group_id=group_id, limit=_PAGE)
    while query:
        page = await store.runs(query)
        found += page.items
        query = RunQuery(group_id=group_id, limit=_PAGE, cursor=page.next_cursor) if page.next_cursor else None
    return [run.id for run in reversed(found)]


async def is_whole(log: EventLog) -> bool:
    """Whether the log of a run that has ended lacks neither its beginning nor its end."""
    beginning, end = await log.read(0, limit=1), await log.read(max(0, log.length - 2))
    return beginning[0].type == RunQueued.type and not any(map(_tells_a_loss, end))


async def output_of(log: EventLog) -> str:
    """The answer's text, as far as the log has it."""
    answer, since = Answer(), 0
    while batch := await log.read(since):
        for entry in batch:
            if event := _event(entry):
                answer.fold(event)
        since = batch[-1].seq + 1
    return answer.output


def _tells_a_loss(entry: Entry) -> bool:
    return entry.type == Notice.type and f'"message":"{TRUNCATED}'.encode() in entry.line


def _event(entry: Entry) -> Event | None:
    """What an answer is made of, read back from a line."""
    match entry.type:
        case TextDelta.type:
            said = orjson.loads(entry.line)
            return TextDelta(said["block"], said["text"])
        case TextDropped.type:
            return TextDropped(orjson.loads(entry.line)["block"])
        case ToolStarted.type:
            return ToolStarted("", "")
        case _:
            return None
