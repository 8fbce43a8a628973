"""Keeps the board up to date: follows the server's journal, and looks at what it tells of."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Final

import msgspec

from clinvk.domain.errors import ClinvkError, RunNotFound
from clinvk.domain.events import Entry
from clinvk.domain.paging import RunQuery
from clinvk.monitor import Monitor, Unreachable
from tui.board import KEPT_RUNS, Board

_PAGE: Final = 200
_LOOK_SECS: Final = 1.0
"""Between two looks where nothing is told: tokens, memory and CPU change all the same."""
_REST_SECS: Final = 0.25
"""Between two looks where much is told."""
_BREATH_SECS: Final = 0.02
"""Between two pages of old runs: they have time, and HTTP has not."""
_ONE_BY_ONE: Final = 50
"""Runs that are asked for on their own in one look; the others are for the next."""


class _Told(msgspec.Struct):
    run_id: str = ""


class Feed:
    """Reads a monitor into a board until it is cancelled. A server that is away is waited for."""

    def __init__(self, monitor: Monitor, board: Board) -> None:
        self._monitor = monitor
        self._board = board
        self._news = asyncio.Event()
        self._told: set[str] = set()
        self._seq = -1

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="console: journal")
            group.create_task(self._watch(), name="console: runs")
            group.create_task(self._remember(), name="console: old runs")

    def hurry(self) -> None:
        """Look soon: something was just done."""
        self._news.set()

    async def _listen(self) -> None:
        while True:
            try:
                async with aclosing(self._monitor.events(self._seq + 1)) as batches:
                    async for batch in batches:
                        self._take(batch)
            except ClinvkError as error:
                self._board.lost(str(error))
            await asyncio.sleep(_LOOK_SECS)  # the journal ended: the server goes, or is gone

    def _take(self, batch: list[Entry]) -> None:
        if batch[0].seq != self._seq + 1 and self._seq >= 0:  # another life of the server, or some were not kept
            self._board.clear()
        self._seq = batch[-1].seq
        told = (msgspec.json.decode(entry.line, type=_Told).run_id for entry in batch)
        self._told.update(run_id for run_id in told if run_id)
        self._news.set()

    async def _watch(self) -> None:
        while True:
            self._news.clear()
            try:
                await self._look()
            except Unreachable as error:
                self._board.lost(str(error))
            except ClinvkError as error:  # its store fails, say: what is at hand is shown all the same
                self._board.lost(str(error))
            await asyncio.sleep(_REST_SECS)
            try:
                await asyncio.wait_for(self._news.wait(), _LOOK_SECS - _REST_SECS)
            except TimeoutError:
                continue

    async def _look(self) -> None:
        """Ask for the state of the server, for all that is live, and for what has ended since."""
        told, self._told = self._told, set()
        status = await self._monitor.status()
        self._board.heard(status)
        live = await self._live()
        await self._look_after((told | set(self._board.live)) - live)
        if status.lingering or self._board.lingering:
            await self._look_at_lingering()

    async def _live(self) -> set[str]:
        found: set[str] = set()
        while True:
            page = await self._monitor.runs(RunQuery(live=True, limit=_PAGE, offset=len(found)))
            self._board.put(page.runs)
            found |= {run.id for run in page.runs}
            if len(page.runs) < _PAGE:
                return found

    async def _look_at_lingering(self) -> None:
        """What left something, and what has left nothing any more: no event tells of that."""
        page = await self._monitor.runs(RunQuery(lingering=True, limit=_PAGE))
        self._board.put(page.runs)
        over = self._board.lingering - {run.id for run in page.runs}
        self._board.put(replace(self._board.runs[run_id], lingers_until=None) for run_id in over)

    async def _look_after(self, ended: set[str]) -> None:
        """Take the ends of runs: most are among the newest, so that one page has them."""
        runs = self._board.runs
        ended = {run_id for run_id in ended if run_id not in runs or not runs[run_id].state.ended}
        if not ended:
            return
        newest = await self._monitor.runs(RunQuery(limit=min(_PAGE, len(ended) + 10)))
        self._board.put(newest.runs)
        rest = sorted(ended - {run.id for run in newest.runs})
        for run_id in rest[:_ONE_BY_ONE]:
            try:
                self._board.put([await self._monitor.run(run_id)])
            except RunNotFound:
                self._board.drop(run_id)
        if rest[_ONE_BY_ONE:]:
            self._told.update(rest[_ONE_BY_ONE:])
            self._news.set()

    async def _remember(self) -> None:
        """Fill in what was before, page by page; once more after the server began another life."""
        while True:
            if not self._board.whole:
                try:
                    await self._fill_in()
                except ClinvkError as error:
                    self._board.lost(str(error))
            await asyncio.sleep(_LOOK_SECS)

    async def _fill_in(self) -> None:
        self._board.whole = True
        query: RunQuery | None = RunQuery(limit=_PAGE)
        seen = 0
        while query and seen < KEPT_RUNS:
            try:
                page = await self._monitor.runs(query)
            except ClinvkError:
                self._board.whole = False
                raise
            self._board.put(page.runs)
            seen += len(page.runs)
            query = _after(page.next_cursor, seen, page.total)
            await asyncio.sleep(_BREATH_SECS)


def _after(cursor: str | None, seen: int, total: int) -> RunQuery | None:
    if cursor:
        return RunQuery(limit=_PAGE, cursor=cursor)
    return RunQuery(limit=_PAGE, offset=seen) if seen < total else None
