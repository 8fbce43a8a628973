"""A window over a run's events: some thousand rows of them, wherever in the run, for as long as it lives."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final

from clinvk.domain.errors import ClinvkError, RunNotFound
from clinvk.domain.events import Entry
from clinvk.monitor import Monitor
from tui.reading.pieces import PIECE_BYTES, cut, key_of, part_of, seq_of, slices
from tui.reading.roll import Place
from tui.reading.rows import Row
from tui.reading.stretch import MOST_EVENTS, Aim, Fold, Stretch, is_too_much

_AHEAD: Final = 1000
"""Rows that are read before they are looked at."""
_MARGIN: Final = 200
"""So near to the first row, what is before it is fetched."""
_FIRST_EVENTS: Final = 256
_FEW_ROWS: Final = 200
_PARTS: Final = 8
_LAST_PARTS: Final = 64
_STALE_BEATS: Final = 4
_RETRY_SECS: Final = 1.0
_BEHIND_EVENTS: Final = 20_000


Spawn = Callable[[Callable[[], Coroutine[object, object, None]]], object]
"""Runs the window's one task; the one that ran before ends."""


class Window:
    """Some rows of a run. It reads as far as is looked at, and lets go what is far from there.

    `total` is how many events the run is known to have: whoever knows better sets it.
    """

    def __init__(self, monitor: Monitor, run_id: str, make: Callable[[int], Fold], spawn: Spawn) -> None:
        self.version = 0
        self.follow = True
        self.moved: Callable[[int], None] = lambda _: None
        self.marked: int | None = None
        self.total = 0
        self.gone = False
        """There is no such run any more."""
        self.trouble: str | None = None
        self._monitor = monitor
        self._run_id = run_id
        self._make = make
        self._spawn = spawn
        self._width = 0
        self._fold = make(80)
        self._fresh: Stretch | None = None
        self._begins = 0
        self._next = 0
        self._ended = False
        self._asleep = False
        self._top, self._height = 0, 40
        self._appetite = asyncio.Event()

    @property
    def base(self) -> int:
        return self._fold.roll.base

    @property
    def end(self) -> int:
        return self._fold.roll.base + len(self._fold.roll.rows)

    @property
    def rows(self) -> Sequence[Row]:
        """All that are here."""
        return self._fold.roll.rows

    @property
    def size(self) -> int:
        """About the bytes of text that are here."""
        return self._fold.roll.size

    @property
    def at_begin(self) -> bool:
        """Whether the first row here is the run's first."""
        return self._begins == 0 and self.base == 0

    @property
    def is_loading(self) -> bool:
        return self._fresh is not None

    def row(self, number: int) -> Row:
        return self._fold.roll.rows[number - self.base]

    def place(self, number: int) -> Place:
        """Where in the run this row is from."""
        return self._fold.roll.place(number) or Place(0)

    def position_of(self, place: Place) -> int:
        """The position that this place has among the rows here."""
        return self._fold.roll.at(place)

    def part(self, top: int, height: int) -> tuple[float, float]:
        whole = max(self.total, seq_of(self._next), 1)
        last = 1.0 if self.follow else min(1.0, (seq_of(self.place(top + height).key) + 1) / whole)
        return (0.0 if self.at_begin and top == 0 else min(last, seq_of(self.place(top).key) / whole)), last

    def resize(self, width: int) -> None:
        if width == self._width:
            return
        first, self._width = self._width == 0, width
        if first:
            self.to_end()
        else:
            self.reload()

    def reload(self) -> None:
        """Make the rows that are here anew."""
        start = self._fold.roll.first
        self._go(Aim.END if self.follow else Aim.SAME, start.key if start else 0)

    def to_begin(self) -> None:
        self.follow = False
        if self.at_begin and not self._fresh:
            self.moved(0)
        else:
            self._go(Aim.BEGIN, 0)

    def to_end(self) -> None:
        self.follow = True
        if self._fresh or not self._width or self.total - seq_of(self._next) > _FIRST_EVENTS or not self.end:
            self._go(Aim.END, key_of(max(0, self.total - _FIRST_EVENTS)))
        self._hunger()

    def to_part(self, share: float) -> None:
        self.to_place(Place(key_of(int(share * max(0, self.total - 1)))))

    def to_place(self, place: Place, wanted: str = "") -> None:
        """Have what is around this place, and look at it. What is `wanted` there is unfolded."""
        self.follow = False
        first = self._fold.roll.first
        if not self._fresh and first and first.key <= place.key < self._next:
            self._land(place, wanted)
        else:
            self._go(Aim.PLACE, self._before(place.key), place)
            if self._fresh:
                self._fresh.wanted = wanted

    def seen(self, top: int, height: int) -> None:
        self._top, self._height = top, height
        self._hunger()
        if top - self.base < _MARGIN and not self.follow and not self.at_begin and not self._fresh and self.end:
            first = self._fold.roll.first
            self._go(Aim.SAME, self._before(first.key if first else 0))

    def toggle(self, number: int) -> None:
        self._fold.toggle(number)
        self.version += 1

    def sleep(self, *, asleep: bool) -> None:
        """Whether nobody looks at the moment."""
        self._asleep = asleep
        if not asleep:
            self.beat()
        self._hunger()

    def beat(self) -> None:
        """Called now and then: takes what was read so far where no more comes, and keeps up with the run."""
        fresh = self._fresh
        if fresh:
            fresh.beats += 1
            if fresh.beats > _STALE_BEATS and fresh.fold.roll.rows:
                self._take(fresh)
        elif self.follow and self.total - seq_of(self._next) > _BEHIND_EVENTS:
            self.to_end()

    def _before(self, key: int) -> int:
        """A key from which there are some hundred rows to this one, as far as can be told."""
        if part_of(key) > 0:
            return key_of(seq_of(key), max(0, part_of(key) - _PARTS))
        roll = self._fold.roll
        rows_of_one = len(roll.rows) / max(1, roll.events)
        back = max(4, min(8192, round(_AHEAD / max(rows_of_one, 0.01))))
        return key_of(max(0, seq_of(key) - back))

    def _go(self, aim: Aim, start: int, place: Place | None = None) -> None:
        if not self._width:
            return
        self._fresh = Stretch(self._make(self._width), aim, start, place)
        self._hunger()
        self._spawn(partial(self._read, self._fresh))

    async def _read(self, fresh: Stretch) -> None:
        """Read on from where this stretch begins, to the run's end, as far as there is appetite for it."""
        fold, self._next, self._ended = fresh.fold, fresh.start, False
        while not self._ended:
            try:
                await self._appetite.wait()
                await self._follow(fold)
                self.trouble = None
            except RunNotFound:
                self.gone = True
                return
            except ClinvkError as error:
                self.trouble = str(error)
                await asyncio.sleep(_RETRY_SECS)

    async def _follow(self, fold: Fold) -> None:
        async with aclosing(self._monitor.run_events(self._run_id, seq_of(self._next))) as batches:
            async for batch in batches:
                self._skip(batch)
                for pieces in slices(cut(batch, self._next)):
                    fold.fold(pieces)
                    self._next = pieces[-1].key + 1
                    self._grown(fold)
                    await asyncio.sleep(0)
                    if not self._appetite.is_set():
                        return
                self._next = max(self._next, key_of(batch[-1].seq + 1))
                self._grown(fold)
        self._ended = True
        self._grown(fold)

    def _skip(self, batch: list[Entry]) -> None:
        """On the way to the end, of an event that is longer than all that is kept only the last is read."""
        fresh = self._fresh
        for entry in batch:
            parts = len(entry.line) // PIECE_BYTES - _LAST_PARTS
            if fresh and fresh.aim is Aim.END and parts > 0:
                fresh.start = self._next = max(self._next, key_of(entry.seq, parts))

    def _grown(self, fold: Fold) -> None:
        self.total = max(self.total, seq_of(self._next))
        fresh = self._fresh
        if fresh:
            fresh.beats = 0
            if self._is_ready(fresh):
                self._take(fresh)
            elif is_too_much(fold.roll):
                fold.let_go(len(fold.roll.rows) // 4)
        else:
            self.version += 1
            self._bound(fold)
        self._hunger()

    def _is_ready(self, fresh: Stretch) -> bool:
        if self._ended or seq_of(self._next) >= self.total:
            return True
        if fresh.aim is Aim.END:
            return False
        key = self._aimed(fresh).key
        count = len(fresh.fold.roll.rows)
        if fresh.aim is Aim.BEGIN:
            return count > 2 * self._height
        return self._next > key and fresh.fold.roll.base + count - fresh.fold.find(Place(key)) > 2 * self._height

    def _aimed(self, fresh: Stretch) -> Place:
        return fresh.place or self.place(self._top)

    def _take(self, fresh: Stretch) -> None:
        """What was read is what is shown from now on."""
        roll = fresh.fold.roll
        back = self.total - seq_of(fresh.start)
        if fresh.aim is Aim.END and len(roll.rows) < _FEW_ROWS and fresh.start and back < MOST_EVENTS // 10:
            self._go(Aim.END, key_of(max(0, self.total - 8 * back)))
            return
        place = self._aimed(fresh)
        self._fresh, self._fold, self._begins = None, fresh.fold, fresh.start
        self.version += 1
        self.marked = None
        if fresh.aim is Aim.SAME:
            self.moved(roll.number(place))
        elif fresh.aim is Aim.PLACE:
            self._land(place, fresh.wanted)
        else:
            self.moved(roll.base)

    def _land(self, place: Place, wanted: str) -> None:
        number = self._fold.find(place, wanted)
        self.marked = number if wanted else None
        self.version += 1
        self.moved(max(self.base, number - self._height // 3))

    def _bound(self, fold: Fold) -> None:
        """Let go what is far above; where that is in sight, read no further."""
        roll = fold.roll
        if is_too_much(roll):
            top = self.end - self._height if self.follow else self._top
            fold.let_go(max(0, min(len(roll.rows) // 4, top - _MARGIN - roll.base)))

    def _hunger(self) -> None:
        below = self.end - self._top - self._height
        wants = self._fresh is not None or self.follow or below < _AHEAD
        stuffed = not self._fresh and not self.follow and is_too_much(self._fold.roll) and below > self._height
        if wants and not stuffed and not self._asleep:
            self._appetite.set()
        else:
            self._appetite.clear()
