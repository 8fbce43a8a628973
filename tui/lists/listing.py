"""Many rows, of which some are shown in some order. Pure: it takes in what changed, a little at a time."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

Rank = float | str | None
"""What a row is sorted by; None comes last in either direction."""
_Place = tuple[bool, float | str, str]
"""Where a row stands: behind all that has no rank or before it, its rank, its key."""

_AT_ONCE: Final = 100
"""Rows that are taken in without a break: a millisecond or so."""


class Wanted(Protocol[T_contra]):
    """What a filter is to a list."""

    def matches(self, row: T_contra, text: str) -> bool:
        """Whether `row` is shown; `text` is all that words are searched in, in lower case."""
        ...


@dataclass(slots=True)
class _Entry(Generic[T]):
    row: T
    text: str | None = None
    place: _Place | None = None
    """None if it is not shown."""


class Listing(Generic[T]):
    """Rows by their key. `text` gives what words are searched in.

    What is shown stays as it was while a new order or filter is worked out: `steps` does it in steps of a
    millisecond, between which others get their turn.
    """

    def __init__(self, text: Callable[[T], str], rank: Callable[[T], Rank], *, descending: bool = False) -> None:
        self._text = text
        self._rank = rank
        self._descending = descending
        self._wanted: Wanted[T] | None = None
        self._entries: dict[str, _Entry[T]] = {}
        self._places: list[_Place] = []
        self._backwards = descending
        self._news: list[tuple[str, T]] = []
        self._stale = False
        self._working = False
        """A new order or filter is being worked out."""
        self.version = 0
        """Another one whenever what is shown may be something else."""

    def __len__(self) -> int:
        """How many are shown."""
        return len(self._places)

    @property
    def total(self) -> int:
        """How many there are, shown or not."""
        return len(self._entries)

    @property
    def busy(self) -> bool:
        """Whether `steps` has anything to do."""
        return self._stale or self._working or bool(self._news)

    def key(self, index: int) -> str:
        """The key of the row that is shown at `index`."""
        return self._places[-1 - index if self._backwards else index][2]

    def row(self, key: str) -> T | None:
        """The row of `key`, shown or not."""
        entry = self._entries.get(key)
        return entry.row if entry else None

    def index(self, key: str) -> int | None:
        """Where the row of `key` is shown; None if it is not."""
        entry = self._entries.get(key)
        if entry is None or entry.place is None:
            return None
        at = bisect_left(self._places, entry.place)
        return len(self._places) - 1 - at if self._backwards else at

    def arrange(self, rank: Callable[[T], Rank], *, descending: bool) -> None:
        """Sort by `rank` from now on."""
        self._rank, self._descending = rank, descending
        self._stale = True

    def choose(self, wanted: Wanted[T] | None) -> None:
        """Show what `wanted` matches from now on; everything if None."""
        self._wanted = wanted
        self._stale = True

    def take(self, rows: Mapping[str, T]) -> None:
        """The rows as they are now: one is new if it is another object. Many are left for `steps`."""
        if self.busy:
            return
        known = self._entries
        self._news = [
            (key, row) for key, row in rows.items() if (entry := known.get(key)) is None or entry.row is not row
        ]
        new = sum(key not in known for key, _ in self._news)
        if len(known) + new != len(rows):
            for key in [key for key in known if key not in rows]:
                self._leave(known.pop(key))
        if len(self._news) <= _AT_ONCE:
            self._take_in()

    def touch(self, key: str) -> None:
        """Something that the filter or the order looks at changed, which is not in the row itself."""
        entry = self._entries.get(key)
        if self._working:
            self._stale = True
        elif entry is not None:
            self._put(key, entry)

    def steps(self) -> Iterator[None]:
        """Work until nothing is left, in steps. What is broken off is begun anew the next time."""
        while self.busy:
            while self._news:
                self._take_in()
                yield
            if self._stale or self._working:
                self._working = True
                yield from self._again()

    def _again(self) -> Iterator[None]:
        """Rank every row anew, and show the outcome when all of it is there."""
        self._stale = False
        backwards = self._descending
        places: list[_Place] = []
        found: list[_Place | None] = []
        for number, (key, entry) in enumerate(self._entries.items(), 1):
            place = self._place(key, entry)
            found.append(place)
            if place is not None:
                places.append(place)
            if number % _AT_ONCE == 0:
                yield
                if self._stale:
                    return
            if number % (_AT_ONCE * 10) == 0:
                places.sort()  # where most is sorted already, the rest takes little
        places.sort()
        yield
        for entry, place in zip(self._entries.values(), found, strict=True):
            entry.place = place
        self._places, self._backwards = places, backwards
        self._working = False
        self.version += 1

    def _take_in(self) -> None:
        for key, row in self._news[:_AT_ONCE]:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry(row)
            else:
                entry.row, entry.text = row, None
            self._put(key, entry)
        del self._news[:_AT_ONCE]

    def _put(self, key: str, entry: _Entry[T]) -> None:
        place = self._place(key, entry)
        self.version += 1
        if place != entry.place:
            self._leave(entry)
            entry.place = place
            if place is not None:
                insort(self._places, place)

    def _leave(self, entry: _Entry[T]) -> None:
        self.version += 1
        if entry.place is not None:
            del self._places[bisect_left(self._places, entry.place)]

    def _place(self, key: str, entry: _Entry[T]) -> _Place | None:
        if self._wanted is not None:
            if entry.text is None:
                entry.text = self._text(entry.row).lower()
            if not self._wanted.matches(entry.row, entry.text):
                return None
        rank = self._rank(entry.row)
        return (rank is None) != self._descending, 0 if rank is None else rank, key
