"""What a run says, entry by entry, as the client of a dialect hears it. Pure: a log goes in, pieces come out."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from clinvk.api.dialects.stops import Cutter
from clinvk.domain.answer import Answer
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import (
    TRUNCATED,
    Entry,
    Notice,
    ReasoningDelta,
    RunFinished,
    RunStopping,
    TextDelta,
    TextDropped,
    ToolStarted,
    TurnDone,
    UsageReported,
)
from clinvk.domain.run import StopCause, StopReason
from clinvk.domain.usage import Usage

_BETWEEN_BLOCKS: Final = "\n\n"
_NO_BLOCK: Final = ""
"""What spoke last, after a tool: the block of before may go on, and is another text."""
_HOLE: Final = "Part of the answer is lost: its reader was too slow, and nothing is kept of it here"


class Piece(NamedTuple):
    """Some text for the client: of the answer, or of the model's reasoning."""

    text: str
    is_reasoning: bool = False


class Speech:
    """Folds a run's entries. It is over with the run's end, or when a stop sequence has cut the text.

    The pieces are all that the agent says, text before a tool included; `text` is what stands as its answer.
    Reasoning is passed over unless it was asked for.
    """

    def __init__(self, stops: tuple[str, ...] = (), *, reasoning: bool = False) -> None:
        self._cutter = Cutter(stops)
        self._wants_reasoning = reasoning
        self._answer = Answer()
        self._thoughts: list[str] = []
        self._block: str | None = None
        self._spoken: str | None = None  # the block that spoke last
        self.usage = Usage()
        """What was used, as far as the CLI has told."""
        self.stop_reason: StopReason | None = None
        self.stop_sequence: str | None = None
        """The stop sequence that cut the text."""
        self.error: RunError | None = None
        """Why the run failed."""
        self.stop_cause: StopCause | None = None
        """Why we ended the run, where we did."""
        self.over = False
        self._heard: Mapping[str, Callable[[Mapping[str, Any]], list[Piece]]] = {
            TextDelta.type: self._text_delta,
            TextDropped.type: self._text_dropped,
            ReasoningDelta.type: self._reasoning_delta,
            ToolStarted.type: self._tool_started,
            UsageReported.type: self._usage_reported,
            TurnDone.type: self._turn_done,
            Notice.type: self._notice,
            RunStopping.type: self._run_stopping,
            RunFinished.type: self._run_finished,
        }

    @property
    def text(self) -> str:
        """The answer: what was said after the last tool, blocks joined by a blank line, up to a stop sequence."""
        return self._answer.output

    @property
    def reasoning(self) -> str:
        """All that the model thought aloud, where that was asked for."""
        return "".join(self._thoughts)

    def hear(self, entries: Iterable[Entry]) -> list[Piece]:
        """The pieces that `entries` add. What comes once it is over is passed over."""
        pieces: list[Piece] = []
        for entry in entries:
            hear = self._heard.get(entry.type)
            if hear and not self.over:
                pieces += hear(orjson.loads(entry.line))
        return pieces

    def _text_delta(self, told: Mapping[str, Any]) -> list[Piece]:
        block = told["block"]
        before = self._leave_block() if block != self._block else []
        self._block = block
        cut = self._cutter.feed(told["text"])
        if cut.sequence is not None:
            self.stop_sequence, self.over = cut.sequence, True
        return before + self._said(cut.text)

    def _text_dropped(self, told: Mapping[str, Any]) -> list[Piece]:
        self._answer.fold(TextDropped(told["block"]))
        if told["block"] == self._block:
            self._cutter.flush()  # it was abandoned with the rest
            self._block = None
        return []

    def _tool_started(self, _: Mapping[str, Any]) -> list[Piece]:
        pieces = self._leave_block()
        self._answer.fold(ToolStarted("", ""))
        self._spoken = self._spoken and _NO_BLOCK
        return pieces

    def _reasoning_delta(self, told: Mapping[str, Any]) -> list[Piece]:
        if not self._wants_reasoning or not told["text"]:
            return []
        self._thoughts.append(told["text"])
        return [Piece(told["text"], is_reasoning=True)]

    def _usage_reported(self, told: Mapping[str, Any]) -> list[Piece]:
        self.usage = Usage(**told["usage"])
        return []

    def _turn_done(self, told: Mapping[str, Any]) -> list[Piece]:
        self.stop_reason = StopReason(told["stop_reason"]) if "stop_reason" in told else None
        return []

    def _notice(self, told: Mapping[str, Any]) -> list[Piece]:
        """Nothing for the client, unless it says that the answer has a hole: then there is none."""
        if told["message"].startswith(TRUNCATED):
            self.error, self.over = RunError(ErrorCode.INTERNAL, _HOLE), True
        return []

    def _run_stopping(self, told: Mapping[str, Any]) -> list[Piece]:
        self.stop_cause = StopCause(told["cause"])
        return []

    def _run_finished(self, told: Mapping[str, Any]) -> list[Piece]:
        pieces = self._leave_block()
        self.usage, self.over = Usage(**told["usage"]), True
        if "error" in told:
            self.error = RunError(**(told["error"] | {"code": ErrorCode(told["error"]["code"])}))
        if self.error and self.error.code is ErrorCode.MAX_TURNS:  # what it said until then is an answer
            self.error, self.stop_reason = None, StopReason.MAX_TURNS
        return pieces

    def _leave_block(self) -> list[Piece]:
        """No stop sequence reaches from one block into the next."""
        pieces = self._said(self._cutter.flush())
        self._block = None
        return pieces

    def _said(self, text: str) -> list[Piece]:
        """`text` of the block under way, behind a blank line where another block was before it."""
        if not text or self._block is None:
            return []
        is_new = self._spoken not in (None, self._block)
        self._spoken = self._block
        self._answer.add(self._block, text)
        return [Piece(_BETWEEN_BLOCKS + text if is_new else text)]
