"""A run's events as they are, one a row. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from tui.reading.pieces import Piece, part_of, seq_of
from tui.reading.roll import Place, Roll
from tui.reading.rows import Kind, Row, Span
from tui.reading.wrapping import cells, one_line, visible

_COMMON: Final = frozenset({"type", "seq", "at", "run_id", "session_id", "backend", "group_id", "task", "step"})
_PAYLOAD_CHARS: Final = 600
_TYPE_WIDTH: Final = 17
_NUMBER_WIDTH: Final = 7
_STYLES: Final = {"run": "accent", "tool": "good", "notice": "warning", "approval": "warning", "turn": "accent"}


@dataclass(slots=True)
class EventList:
    """Number, time, type and what else the event says, on one line each."""

    width: int
    roll: Roll = field(init=False)

    def __post_init__(self) -> None:
        self.roll = Roll(self.width)

    def fold(self, pieces: Sequence[Piece]) -> None:
        """Go on with these."""
        for piece in pieces:
            if not part_of(piece.key):  # the first part stands for the whole event
                self.roll.mark(piece.key)
                self.roll.add(_row(piece))

    def let_go(self, count: int) -> None:
        """The first rows are not needed any more."""
        self.roll.let_go(count)

    def toggle(self, number: int) -> None:
        """Nothing is folded here."""

    def find(self, place: Place, wanted: str = "") -> int:  # noqa: ARG002  it is on the one line, or cut off
        """The number of the event that has this place."""
        return self.roll.number(Place(place.key >> 16 << 16))


def _row(piece: Piece) -> Row:
    try:
        said: dict[str, Any] = msgspec.json.decode(piece.line)
    except msgspec.DecodeError:
        said = {"?": visible(piece.line[:200].decode(errors="replace"))}
    number = f"{seq_of(piece.key):>{_NUMBER_WIDTH}}"
    time = str(said.get("at", ""))[11:23]
    kind = f"{one_line(piece.type):<{_TYPE_WIDTH}}"
    head = f"{number}  {time}  {kind} "
    style = _STYLES.get(piece.type.partition(".")[0], "plain")
    spans: list[Span] = [(0, len(head), "muted"), (len(head) - len(kind) - 1, len(head), style)]
    text = head
    for name, value in said.items():
        if name in _COMMON or len(text) > _PAYLOAD_CHARS:
            continue
        spans.append((len(text), len(text) + len(name) + 1, "muted"))
        text += f" {name} {_shown(value)}"
    return Row(text, Kind.TEXT, spans=tuple(spans))


def _shown(value: object) -> str:
    if isinstance(value, str) and len(value) > _PAYLOAD_CHARS:
        value = value[:_PAYLOAD_CHARS] + "…"
    text = visible(msgspec.json.encode(value).decode())
    return text if cells(text) <= _PAYLOAD_CHARS else text[:_PAYLOAD_CHARS] + "…"
