"""A stretch of a run as it is read: what makes rows of it, what it is read for, and when it is too much."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from tui.reading.pieces import Piece
from tui.reading.roll import Place, Roll

MOST_ROWS: Final = 20_000
MOST_BYTES: Final = 2 << 20
MOST_EVENTS: Final = 200_000


class Fold(Protocol):
    """What makes rows of events."""

    roll: Roll

    def fold(self, pieces: Sequence[Piece]) -> None: ...
    def let_go(self, count: int) -> None: ...
    def toggle(self, number: int) -> None: ...
    def find(self, place: Place, wanted: str = "") -> int: ...


class Aim(Enum):
    """What is to be in sight once a new stretch of the run has been read."""

    BEGIN = auto()
    END = auto()
    SAME = auto()
    """What is in sight now."""
    PLACE = auto()


@dataclass(slots=True)
class Stretch:
    """A stretch that is being read; it takes the place of the one that is shown once its aim is in it."""

    fold: Fold
    aim: Aim
    start: int
    place: Place | None = None
    wanted: str = ""
    beats: int = 0


def is_too_much(roll: Roll) -> bool:
    """Whether some of it is to be let go."""
    return len(roll.rows) > MOST_ROWS or roll.size > MOST_BYTES or roll.events > MOST_EVENTS
