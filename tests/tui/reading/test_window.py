"""The window over a run's events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from clinvk.domain.run import RunState
from clinvk.monitor import Unreachable
from tests.tui.samples import a_run, entries
from tests.tui.telling import LongServer
from tui.reading.pieces import key_of, seq_of
from tui.reading.roll import Place
from tui.reading.search import Search
from tui.reading.stretch import MOST_BYTES, MOST_ROWS
from tui.reading.transcript import Transcript
from tui.reading.window import Window

RUN = a_run(7, RunState.COMPLETED)
HEIGHT = 20
Event = Callable[[int], dict[str, Any]]


def numbered(seq: int) -> dict[str, Any]:
    return {"type": "text.delta", "block": "1", "text": f"event {seq}\n"}


def served(count: int, event: Event = numbered) -> LongServer:
    server = LongServer()
    server.put(RUN)
    server.count, server.event = count, event
    return server


class Viewer:
    """Looks through a window as a screen does."""

    def __init__(self, server: LongServer) -> None:
        self.tasks: list[asyncio.Task[object]] = []
        self.top = 0
        self.window = Window(server, RUN.id, Transcript, self._spawn)
        self.window.moved = self._moved
        self.window.total = server.count

    def _spawn(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        for task in self.tasks:
            task.cancel()
        self.tasks.append(asyncio.ensure_future(work()))

    def _moved(self, number: int) -> None:
        self.top = number

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0)

    async def settled(self) -> None:
        await self.until(lambda: not self.window.is_loading)

    async def scroll(self, by: int) -> None:
        self.window.follow = False
        self.top = max(self.window.base, min(self.top + by, self.window.end - HEIGHT))
        self.window.seen(self.top, HEIGHT)
        await asyncio.sleep(0)

    def shown(self) -> str:
        return self.window.row(self.top).text


@asynccontextmanager
async def looking(server: LongServer) -> AsyncIterator[Viewer]:
    viewer = Viewer(server)
    viewer.window.resize(60)
    try:
        await viewer.settled()
        yield viewer
    finally:
        for task in viewer.tasks:
            task.cancel()
        await asyncio.gather(*viewer.tasks, return_exceptions=True)


async def test_it_opens_at_the_end_and_reads_no_more_than_that() -> None:
    server = served(100_000)
    async with looking(server) as viewer:
        assert viewer.window.row(viewer.window.end - 2).text == "event 99999"
        assert server.reads < 2_000


async def test_scrolling_up_comes_by_every_event_in_turn() -> None:
    async with looking(served(5_000)) as viewer:
        viewer.top = viewer.window.end - HEIGHT
        last = 5_000
        while not (viewer.window.at_begin and viewer.top == 0):
            here = viewer.shown()
            if here:
                number = int(here.split()[1])
                assert last - HEIGHT <= number <= last
                last = number
            await viewer.scroll(-10)
        assert viewer.shown() == "event 0"


async def test_what_is_looked_at_stays_while_what_is_before_it_is_fetched() -> None:
    async with looking(served(50_000)) as viewer:
        viewer.top = viewer.window.base + 100
        before = viewer.shown()
        await viewer.scroll(0)
        assert viewer.window.is_loading
        await viewer.settled()
        assert viewer.shown() == before
        assert viewer.top - viewer.window.base > 300


async def test_memory_stays_bounded_on_the_way_through() -> None:
    async with looking(
        served(60_000, lambda seq: numbered(seq) | {"text": f"{seq} " + "x" * 90 + "\n"})
    ) as viewer:
        viewer.window.to_begin()
        await viewer.settled()
        while viewer.top < 55_000:
            await viewer.scroll(500)
            assert len(viewer.window.rows) <= MOST_ROWS + 2_000
            assert viewer.window.size <= MOST_BYTES + (64 << 10)
        assert viewer.window.base > 0


async def test_a_line_that_has_no_end_is_read_in_parts() -> None:
    text = "<begin>" + "lorem ipsum " * 400_000 + "<end>"
    async with looking(served(1, lambda _: {"type": "text.delta", "block": "1", "text": text})) as viewer:
        assert viewer.window.row(viewer.window.end - 1).text.endswith("<end>")
        assert viewer.window.size < MOST_BYTES
        viewer.window.to_begin()
        await viewer.settled()
        assert viewer.window.row(0).text.startswith("<begin>")


async def test_another_width_leaves_in_sight_what_is_in_sight() -> None:
    async with looking(served(3_000, lambda seq: numbered(seq) | {"text": f"<{seq}> " + "word " * 30})) as viewer:
        await viewer.scroll(400)
        place = viewer.window.place(viewer.top)
        viewer.window.resize(33)
        await viewer.settled()
        assert viewer.window.place(viewer.top).key == place.key


async def test_trouble_is_told_and_got_over() -> None:
    server = served(100)
    server.trouble = Unreachable("away")

    async def refuse(run_id: str, since: int) -> Any:
        server._check()
        for number in range(since, 100):
            yield entries(numbered(number), first=number)

    server._made = refuse  # type: ignore[method-assign,assignment]
    viewer = Viewer(server)
    viewer.window.resize(60)
    await viewer.until(lambda: viewer.window.trouble == "away")
    server.trouble = None
    await viewer.until(lambda: viewer.window.trouble is None and viewer.window.end > 90)


async def test_text_is_found_forwards_and_backwards_across_events() -> None:
    def event(seq: int) -> dict[str, Any]:
        return {"type": "text.delta", "block": "1", "text": {5: "NEE", 6: "dle"}.get(seq % 9_000, ". ")}

    server = served(30_000, event)
    search = Search(server, RUN.id, "needle")
    here, found = Place(0), []
    while (match := await search.forward(here, 30_000)) is not None:
        found.append(seq_of(match.key))
        here = match
    assert found == [5, 9_005, 18_005, 27_005]
    back = []
    here = Place(key_of(29_000))
    while (match := await search.backward(here, 30_000)) is not None:
        back.append(seq_of(match.key))
        here = match
    assert back == found[::-1]


async def test_a_place_that_was_found_is_marked() -> None:
    async with looking(served(50_000)) as viewer:
        found = await Search(viewer.window._monitor, RUN.id, "EVENT 31234").forward(Place(0), 50_000)
        assert found
        viewer.window.to_place(found, "event 31234")
        await viewer.settled()
        assert viewer.window.marked is not None
        assert viewer.window.row(viewer.window.marked).text == "event 31234"
