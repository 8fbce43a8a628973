"""How the board comes to know what happens on the server."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from clinvk.domain.run import RunState
from clinvk.monitor import Unreachable
from tests.tui.samples import a_run, run_id
from tests.tui.scripted import FixedClock, Server
from tui.board import Board
from tui.feed import Feed

DEADLINE = 20.0


class Watched(Board):
    """A board that tells of each change."""

    def __init__(self, clock: FixedClock) -> None:
        self.changed = asyncio.Event()
        super().__init__(clock)

    @property
    def version(self) -> int:  # type: ignore[override]
        return self._version

    @version.setter
    def version(self, version: int) -> None:
        self._version = version
        self.changed.set()


class Fed:
    """A board that is fed from a server."""

    def __init__(self, server: Server) -> None:
        self.board = Watched(server.clock)
        self.feed = Feed(server, self.board)

    async def until(self, holds: Callable[[Board], bool]) -> None:
        """Look again after each change, within the deadline."""
        async with asyncio.timeout(DEADLINE):
            while not holds(self.board):
                self.board.changed.clear()
                await self.board.changed.wait()


@pytest.fixture
async def fed(server: Server) -> AsyncIterator[Fed]:
    ours = Fed(server)
    work = asyncio.get_running_loop().create_task(ours.feed.run())
    yield ours
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_runs_of_before_the_console_are_there(server: Server, fed: Fed) -> None:
    server.put(*(a_run(number, RunState.COMPLETED) for number in range(450)))
    await fed.until(lambda board: len(board.runs) == 450)


async def test_a_run_that_begins_is_seen_and_so_is_its_end(server: Server, fed: Fed) -> None:
    await fed.until(lambda board: board.whole and board.status is not None)
    server.put(a_run(1))
    await fed.until(lambda board: board.live == [run_id(1)])
    server.put(a_run(1, RunState.FAILED))
    await fed.until(lambda board: board.runs[run_id(1)].state is RunState.FAILED)


async def test_many_ends_at_once_are_all_seen(server: Server, fed: Fed) -> None:
    server.put(*(a_run(number) for number in range(500)))
    await fed.until(lambda board: len(board.live) == 500)
    server.put(*(a_run(number, RunState.COMPLETED) for number in range(500)))
    await fed.until(lambda board: not board.live)


async def test_a_live_run_that_is_gone_is_dropped(server: Server, fed: Fed) -> None:
    server.put(a_run(1), a_run(2))
    await fed.until(lambda board: len(board.live) == 2)
    del server.runs_[run_id(1)]
    server.tell()
    await fed.until(lambda board: list(board.runs) == [run_id(2)])


async def test_a_server_that_is_away_is_told_of_and_waited_for(server: Server, fed: Fed) -> None:
    server.put(a_run(1))
    await fed.until(lambda board: board.live == [run_id(1)])
    server.trouble = Unreachable("it does not answer")
    fed.feed.hurry()
    await fed.until(lambda board: board.trouble == "it does not answer")
    server.trouble = None
    await fed.until(lambda board: board.trouble is None)


async def test_what_a_console_does_is_looked_at_soon(server: Server, fed: Fed) -> None:
    await fed.until(lambda board: board.status is not None)
    first = fed.board.status
    fed.feed.hurry()
    await fed.until(lambda board: board.status is not first)


async def test_another_life_of_the_server_is_another_board(server: Server, fed: Fed) -> None:
    server.put(*(a_run(number, RunState.COMPLETED) for number in range(3)))
    await fed.until(lambda board: len(board.runs) == 3)
    server.restart()
    server.put(a_run(9, RunState.COMPLETED))
    await fed.until(lambda board: list(board.runs) == [run_id(9)])
