"""Finding text in the whole of a run: its events go by in slices, and nothing of them is kept."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import msgspec

from clinvk.domain.events import ToolDone, ToolStarted
from clinvk.monitor import Monitor
from tui.reading.happened import REMARKS, decoded
from tui.reading.pieces import Piece, cut, key_of, seq_of, slices
from tui.reading.roll import Place
from tui.reading.rows import lowered
from tui.reading.transcript import HEARD, STREAMED, said_of
from tui.reading.wrapping import visible

_BACK_EVENTS: Final = 4096
"""Of one look, where earlier matches are looked for."""
Progress = Callable[[int], None]
"""Told the number of the event that was looked at last."""


class Finder:
    """Finds a text in pieces as they go by, across their borders. Upper and lower case are the same to it."""

    def __init__(self, wanted: str) -> None:
        self._wanted = lowered(wanted)
        self._stream: tuple[str, str] | None = None
        self._text = ""
        self._coming: list[str] = []
        self._ahead = 0
        self._starts: list[int] = []
        self._keys: list[int] = []
        self._offsets: list[int] = []

    def feed(self, pieces: Iterable[Piece]) -> Iterator[Place]:
        """Where it begins, each time."""
        for key, kind, line in pieces:
            if kind in STREAMED:
                said = said_of(line)
                if (kind, said.block) != self._stream:
                    yield from self._look()
                    self._keep(0)
                    self._stream = (kind, said.block)
                self._add(key, said.text)
            elif kind in HEARD:
                yield from self._look()
                self._keep(0)
                self._stream = None
                if self._wanted in lowered(_told(kind, line)):
                    yield Place(key)
        yield from self._look()

    def _add(self, key: int, text: str) -> None:
        self._starts.append(len(self._text) + self._ahead)
        self._keys.append(key)
        self._offsets.append(0)
        self._coming.append(text)
        self._ahead += len(text)

    def _look(self) -> Iterator[Place]:
        if not self._coming:
            return
        text = "".join(self._coming)
        shown = lowered(visible(text))
        if len(shown) != len(text):  # some characters are shown by more than one, or by none
            parts = [lowered(visible(each)) for each in self._coming]
            ends = accumulate(map(len, parts), initial=len(self._text))
            self._starts[-len(parts) :] = list(ends)[:-1]
            shown = "".join(parts)
        self._text += shown
        self._coming, self._ahead = [], 0
        at = self._text.find(self._wanted)
        while at >= 0:
            mark = bisect_right(self._starts, at) - 1
            yield Place(self._keys[mark], self._offsets[mark] + at - self._starts[mark])
            at = self._text.find(self._wanted, at + 1)
        self._keep(len(self._wanted) - 1)

    def _keep(self, length: int) -> None:
        """The end of the text alone: a match may go on in what comes."""
        gone = max(0, len(self._text) - length)
        mark = bisect_right(self._starts, gone) - 1
        if length and mark >= 0:
            self._offsets[mark] += gone - self._starts[mark]
            self._starts = [max(0, start - gone) for start in self._starts[mark:]]
            self._keys, self._offsets = self._keys[mark:], self._offsets[mark:]
        else:
            self._starts, self._keys, self._offsets = [], [], []
        self._text = self._text[gone:] if length else ""


@dataclass(frozen=True, slots=True)
class Search:
    """A search through one run. `forward` and `backward` give the next match, None at the run's end or beginning.

    They may raise what reading the run's events does.
    """

    monitor: Monitor
    run_id: str
    wanted: str
    progress: Progress = lambda _: None

    async def forward(self, after: Place, until: int) -> Place | None:
        """The first match behind `after`, in events below the number `until`."""
        finder = Finder(self.wanted)
        async with aclosing(self._slices(after.key, key_of(until))) as stretch:
            async for pieces in stretch:
                for place in finder.feed(pieces):
                    if place > after:
                        return place
        return None

    async def backward(self, before: Place, until: int) -> Place | None:
        """The last match before `before`. What begins there may go on behind it, in events below `until`."""
        start = before.key + 1
        while start > 0:
            start = key_of(max(0, seq_of(start - 1) - _BACK_EVENTS))
            found = await self._last(start, before, min(key_of(until), before.key + 1 + key_of(len(self.wanted))))
            if found:
                return found
            before = Place(start)
        return None

    async def _last(self, start: int, before: Place, end: int) -> Place | None:
        finder, found = Finder(self.wanted), None
        async with aclosing(self._slices(start, end)) as stretch:
            async for pieces in stretch:
                for place in finder.feed(pieces):
                    if place >= before:
                        return found
                    found = place
        return found

    async def _slices(self, start: int, end: int) -> AsyncGenerator[list[Piece], None]:
        """The run from the key `start` up to `end`; others have the loop in between."""
        async with aclosing(self.monitor.run_events(self.run_id, seq_of(start))) as batches:
            async for batch in batches:
                for pieces in slices(cut(batch, start)):
                    yield [piece for piece in pieces if piece.key < end]
                    self.progress(seq_of(pieces[-1].key))
                    await asyncio.sleep(0)
                    if pieces[-1].key >= end:
                        return
                if key_of(batch[-1].seq + 1) >= end:
                    return


def _told(kind: str, line: bytes) -> str:
    """What a transcript shows of it."""
    try:
        said = decoded(line)
    except msgspec.DecodeError:  # shown as what cannot be read
        return ""
    if kind == ToolStarted.type:
        return visible(f"{said.name}\n{said.input}")
    if kind == ToolDone.type:
        return visible(said.output)
    remark = REMARKS[kind](said)
    return remark[0] if remark else ""
