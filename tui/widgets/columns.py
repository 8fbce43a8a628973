"""The columns of a grid as data, and which of them there is room for. Pure."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from rich.style import Style

from tui.lists.listing import Rank
from tui.look import Look

T = TypeVar("T")

Cell = tuple[str, Style | None]
GAP: Final = 2
"""Cells between two columns."""
_MARGIN: Final = 1
"""Cells before the first."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a cell may look at beside its row: styles, the server's time, what is marked."""

    look: Look
    now: float
    marked: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[T]):
    """One column. `width` is in cells; a flexible one takes what is left, and needs that much.

    Where there is no room for all, those with the highest `priority` are left out first; 0 is never left out.
    `rank` is what the rows are sorted by, None if they cannot be by this; `descending` its first direction.
    """

    title: str
    width: int
    cell: Callable[[T, Sight], Cell]
    rank: Callable[[T], Rank] | None = None
    descending: bool = False
    flexible: bool = False
    right: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A column that is shown: from which cell of the line, how wide."""

    column: Column[T]
    start: int
    width: int


def placed(columns: Sequence[Column[T]], width: int) -> list[Placed[T]]:
    """The columns that fit into `width` cells, in their order."""
    shown = list(columns)
    while len(shown) > 1 and _needed(shown) > width:
        last = max(shown, key=lambda column: column.priority)
        if not last.priority:
            break
        shown.remove(last)
    spare, places, start = max(0, width - _needed(shown)), [], _MARGIN
    for column in shown:
        wide = max(0, min(column.width + (spare if column.flexible else 0), width - start))
        places.append(Placed(column, start, wide))
        start += wide + GAP
    return places


def _needed(columns: Sequence[Column[T]]) -> int:
    return _MARGIN + sum(column.width for column in columns) + GAP * (len(columns) - 1)
