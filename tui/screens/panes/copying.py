"""What the copy keys of a run's screen put on the clipboard."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from textual.worker import Worker

from clinvk.domain.answer import Answer
from clinvk.domain.errors import ClinvkError
from clinvk.domain.events import TextDelta, TextDropped, ToolStarted
from clinvk.monitor import Monitor
from tui.reading.happened import decoded
from tui.reading.pieces import Piece, cut, slices
from tui.reading.transcript import said_of

if TYPE_CHECKING:
    from tui.screens.run import RunScreen

COPIED_CHARS: Final = 1 << 20


class Collected:
    """The answer of a run, from pieces of its events: at most COPIED_CHARS characters of it."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._length = 0
        self.is_cut = False

    def fold(self, pieces: list[Piece]) -> None:
        """Go on with these."""
        for _, kind, line in pieces:
            if kind == TextDelta.type:
                said = said_of(line)
                text = said.text[: COPIED_CHARS - self._length]
                self._length += len(text)
                self.is_cut = self.is_cut or len(text) < len(said.text)
                self._answer.fold(TextDelta(said.block, text))
            elif kind == ToolStarted.type:
                self._answer.fold(ToolStarted("", ""))
                self._length, self.is_cut = 0, False
            elif kind == TextDropped.type:
                self._answer.fold(TextDropped(decoded(line).block))
                self._length = len(self._answer.output)

    @property
    def text(self) -> str:
        return self._answer.output


async def answer_of(monitor: Monitor, run_id: str, count: int) -> Collected:
    """The answer in the first `count` events. Raises what reading them does."""
    collected = Collected()
    if not count:
        return collected
    async with aclosing(monitor.run_events(run_id)) as batches:
        async for batch in batches:
            for pieces in slices(cut(batch, 0)):
                collected.fold(pieces)
                await asyncio.sleep(0)
            if batch[-1].seq + 1 >= count:
                break
    return collected


class Copying:
    """Copies from one run's screen, and says what."""

    def __init__(self, screen: "RunScreen") -> None:
        self._screen = screen

    def tab(self, name: str) -> None:
        """What this tab shows."""
        if name == "output":
            _: Worker[None] = self._screen.run_worker(self._answer, group="copy", exclusive=True)
        elif name == "request":
            self.curl()
        else:
            rows = self._screen.lines.rows
            parts, length = [], 0
            for number in range(rows.base, rows.end):
                row = rows.row(number)
                parts.append(row.text + ("" if row.soft else "\n"))
                length += len(row.text)
                if length > COPIED_CHARS:
                    break
            what = f"the {len(parts)} events that are loaded" if name == "events" else f"what is told under {name}"
            self._screen.console.copy("".join(parts), what)

    def curl(self) -> None:
        """The request as a command for a shell."""
        run = self._screen.run
        if run and run.request_as_curl:
            self._screen.console.copy(run.request_as_curl, "the request as curl")
        else:
            self._screen.notify("The request is not kept", severity="warning", timeout=3)

    async def _answer(self) -> None:
        screen, run = self._screen, self._screen.run
        if run is None:
            return
        try:
            found = await answer_of(
                screen.monitor, run.id, max(run.events, screen.window.total if screen.window else 0)
            )
        except ClinvkError as error:
            screen.notify(str(error), severity="error", markup=False)
            return
        if not found.text:
            screen.notify("There is no answer yet", timeout=3)
        elif found.is_cut:
            screen.console.copy(found.text, f"the first {COPIED_CHARS:,} characters of the answer: it is longer")
        else:
            screen.console.copy(found.text, "the answer")
