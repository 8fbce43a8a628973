"""The answer of a run, folded from its events."""

from collections.abc import Iterable
from typing import Final

from clinvk.domain.events import Event, TextDelta, TextDropped, ToolStarted

FOLDED: Final = (TextDelta, TextDropped, ToolStarted)
"""The events of which an answer is made: others change nothing of it."""


class Answer:
    """Collects answer text as events go by: `output` is the text after the last tool."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._blocks: dict[str, list[str]] = {}
        for event in events:
            self.fold(event)

    def fold(self, event: Event) -> None:
        match event:
            case TextDelta(block=block, text=text):
                self.add(block, text)
            case TextDropped(block=block):
                self._blocks.pop(block, None)
            case ToolStarted():
                # Text before a tool is the agent thinking aloud; the answer comes after the last one.
                self._blocks.clear()
            case _:
                pass

    def add(self, block: str, text: str) -> None:
        """Fold what a TextDelta says."""
        self._blocks.setdefault(block, []).append(text)

    @property
    def output(self) -> str:
        """The finished text, blocks joined by a blank line."""
        return "\n\n".join("".join(parts) for parts in self._blocks.values())
