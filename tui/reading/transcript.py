"""A run's events told as rows: what it answered and thought, the tools it used, how it ended. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from clinvk.domain.events import ReasoningDelta, RunFinished, TextDelta, TextDropped, ToolDone, ToolStarted
from tui.reading.happened import REMARKS, Happened, decoded
from tui.reading.pieces import Piece
from tui.reading.roll import Place, Roll
from tui.reading.rows import Kind, Row
from tui.reading.tools import Tool
from tui.reading.wrapping import visible


class Said(msgspec.Struct):
    """A piece of running text."""

    block: str = ""
    text: str = ""


said_of: Final = msgspec.json.Decoder(Said).decode
STREAMED: Final = frozenset({TextDelta.type, ReasoningDelta.type})
HEARD: Final = frozenset({*REMARKS, ToolStarted.type, ToolDone.type})
_REMARKED: Final = frozenset({Kind.NOTE, Kind.WARNING})


@dataclass(slots=True, eq=False)
class Stream:
    """Running text: in which block, and whether it is the model's reasoning. It is the item of its rows."""

    block: str
    thought: bool
    struck: bool


@dataclass(slots=True)
class Transcript:
    """The rows of a stretch of a run's events, for a width. `fold` what comes next, in slices of any size.

    `dropped` is shared by all transcripts of a run: the blocks that were dropped, and by which event.
    """

    width: int
    dropped: dict[str, int] = field(default_factory=dict)
    unfolded: bool = False
    """Whether tools are shown with what they were given and gave."""
    roll: Roll = field(init=False)
    _open: Stream | None = None
    _tools: dict[str, Tool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.roll = Roll(self.width)

    def fold(self, pieces: Sequence[Piece]) -> None:
        """Go on with these."""
        texts: list[str] = []
        length = 0
        for key, kind, line in pieces:
            if kind in STREAMED:
                said = said_of(line)
                if not self._goes_on(said, kind, key):
                    self._flush(texts)
                    length = 0
                    self._begin(said, kind, key)
                text = visible(said.text)
                self.roll.mark(key, length)
                texts.append(text)
                length += len(text)
            elif kind in HEARD:
                self._flush(texts)
                length = 0
                self._hear(key, kind, line)
        self._flush(texts)

    def toggle(self, number: int) -> None:
        """Unfold the tool that this row is of, or fold it."""
        index = number - self.roll.base
        tool = self.roll.rows[index].item
        if not isinstance(tool, Tool):
            return
        head = self._head_of(tool, index)
        if head is None:
            return
        tool.unfolded = not tool.unfolded
        self._redraw(tool, head)

    def let_go(self, count: int) -> None:
        """The first rows are not needed any more."""
        self.roll.let_go(count)
        first = self.roll.first
        gone = [tool_id for tool_id, tool in self._tools.items() if first is None or tool.key < first.key]
        for tool_id in gone:
            del self._tools[tool_id]

    def find(self, place: Place, wanted: str = "") -> int:
        """The number of the row that has this place. A tool that has `wanted` in what is folded is unfolded."""
        tool = next((each for each in self._tools.values() if place.key in (each.key, each.done_key)), None)
        head = self._head_of(tool, len(self.roll.rows) - 1) if tool else None
        if tool is None or head is None:
            return self.roll.number(place)
        if wanted and not tool.unfolded and wanted.lower() not in self.roll.rows[head].text.lower():
            tool.unfolded = True
            self._redraw(tool, head)
        rows = range(head, len(self.roll.rows))
        found = (
            at
            for at in rows
            if self.roll.rows[at].item is tool and wanted.lower() in self.roll.rows[at].text.lower()
        )
        return self.roll.base + next(found, head)

    def _goes_on(self, said: Said, kind: str, key: int) -> bool:
        now = self._open
        return (
            now is not None
            and now.block == said.block
            and now.thought == (kind == ReasoningDelta.type)
            and now.struck == self._is_dropped(said.block, key)
        )

    def _begin(self, said: Said, kind: str, key: int) -> None:
        self._open = Stream(said.block, kind == ReasoningDelta.type, self._is_dropped(said.block, key))
        self._space()
        plain = Kind.REASONING if self._open.thought else Kind.TEXT
        self.roll.begin(Kind.STRUCK if self._open.struck else plain, self._open)

    def _is_dropped(self, block: str, key: int) -> bool:
        return key < self.dropped.get(block, 0) if self.dropped and block else False

    def _flush(self, texts: list[str]) -> None:
        if texts:
            self.roll.write("".join(texts))
            texts.clear()

    def _space(self) -> None:
        """An empty row before what is new, if there is none."""
        rows = self.roll.rows
        if not rows:
            return
        if rows[-1].text.strip():
            self.roll.add(Row(""))
        self.roll.position += 1  # what is behind it has a position of its own

    def _hear(self, key: int, kind: str, line: bytes) -> None:
        try:
            said = decoded(line)
        except msgspec.DecodeError as error:  # a server of another version
            self._remark(
                key, f"⚠ an event ({kind}) that this console cannot read: {error}", Kind.WARNING, apart=False
            )
            return
        if kind == ToolStarted.type:
            self._tool_started(key, said)
        elif kind == ToolDone.type:
            self._tool_done(key, said)
        else:
            if kind == TextDropped.type:
                self._strike(key, said.block)
            remark = REMARKS[kind](said)
            if remark:
                self._remark(key, *remark, apart=kind == RunFinished.type)

    def _remark(self, key: int, text: str, kind: Kind, *, apart: bool) -> None:
        """Lines of their own. Small ones that follow each other stay together."""
        last = self.roll.rows[-1].kind if self.roll.rows else None
        if apart or self._open or last not in _REMARKED:
            self._space()
        self._open = None
        self.roll.mark(key)
        self.roll.begin(kind)
        self.roll.write(text)
        self.roll.position += 1

    def _strike(self, key: int, block: str) -> None:
        """The text of this block, as far as it is here, counts no more."""
        self.dropped[block] = key
        rows = self.roll.rows
        for index, row in enumerate(rows):
            if isinstance(row.item, Stream) and row.item.block == block and not row.item.thought:
                rows[index] = replace(row, kind=Kind.STRUCK)

    def _tool_started(self, key: int, said: Happened) -> None:
        tool = Tool(key, said.name, said.input, said.at, unfolded=self.unfolded, cut=said.cut)
        self._tools[said.tool_id] = tool
        self._put(tool)

    def _tool_done(self, key: int, said: Happened) -> None:
        tool = self._tools.get(said.tool_id)
        index = self._head_of(tool, len(self.roll.rows) - 1) if tool else None
        if tool is None or index is None:  # its beginning is not here
            tool = self._tools[said.tool_id] = Tool(key, "a tool begun before", "", said.at, self.unfolded)
            tool.end(key, said.at, said.output, ok=said.ok, cut=said.cut)
            self._put(tool)
            return
        tool.end(key, said.at, said.output, ok=said.ok, cut=said.cut)
        self._redraw(tool, index)

    def _put(self, tool: Tool) -> None:
        rows = self.roll.rows
        if not rows or not isinstance(rows[-1].item, Tool) or tool.unfolded:
            self._space()
        self._open = None
        self.roll.mark(tool.key)
        for row in tool.rows(self.width):
            self.roll.add(row)

    def _head_of(self, tool: Tool, index: int) -> int | None:
        rows = self.roll.rows
        for at in range(index, -1, -1):
            if rows[at].item is tool and rows[at].kind is Kind.HEAD:
                return at
        return None

    def _redraw(self, tool: Tool, head: int) -> None:
        rows = self.roll.rows
        end = head + 1
        while end < len(rows) and rows[end].item is tool:
            end += 1
        position = rows[head].position
        self.roll.put(head, [replace(row, position=position) for row in tool.rows(self.width)], end - head)
