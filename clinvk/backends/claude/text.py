"""What the model says in a turn: pieces as they stream, whole messages where nothing streamed."""

from typing import Any

from clinvk.backends import json_lines
from clinvk.backends.blocks import TextBlocks
from clinvk.backends.json_lines import Malformed, Message
from clinvk.domain.events import Output, ReasoningDelta, TextDone


class Speech:
    """The messages of one turn. A text block streams in pieces, and an `assistant` line confirms it whole.

    A stream that broke ends without that line, and claude repeats the request: then the block is dropped.
    """

    def __init__(self) -> None:
        self._blocks = TextBlocks()
        self._streamed: set[str] = set()
        self._message = ""
        self._unconfirmed: list[str] = []
        self._whole = 0
        self.said_text = False

    def streamed(self, event: Message) -> list[Output]:
        """An event of the provider's stream. Raises Malformed."""
        match event:
            case {"type": "message_start", "message": {"id": str(message)}}:
                self._message = message
                self._streamed.add(message)
                return self._abandon()
            case {"type": "content_block_delta", "index": int(index), "delta": {"text": str(text)}} if text:
                return self._piece(f"{self._message}:{index}", text)
            case {"type": "content_block_delta", "delta": {"thinking": str(thinking)}} if thinking:
                return [ReasoningDelta(thinking)]
            case {"type": str()}:
                return []
        raise Malformed("event")

    def text(self, message: str, text: str) -> list[Output]:
        """A finished block of text, in the message with this id."""
        return self._confirm(message) if message in self._streamed else [*self._abandon(), *self.told(text)]

    def thought(self, message: str, thinking: str) -> list[Output]:
        """A finished block of reasoning, in the message with this id."""
        if message in self._streamed:
            return []
        return [*self._abandon(), *([ReasoningDelta(thinking)] if thinking else [])]

    def told(self, text: str) -> list[Output]:
        """A text that came in one piece, as a block of its own."""
        if not text:
            return []
        self._whole += 1
        name = f"whole:{self._whole}"
        self.said_text = True
        return [self._blocks.delta(name, text), *self._blocks.done(name)]

    def close(self) -> list[TextDone]:
        """The end of the turn: what is open was said all the same."""
        return self._blocks.close()

    def _piece(self, block: str, text: str) -> list[Output]:
        if block not in self._unconfirmed:
            self._unconfirmed.append(block)
        self.said_text = True
        return [self._blocks.delta(block, text)]

    def _confirm(self, message: str) -> list[Output]:
        """The oldest block that waits for its `assistant` line has got it."""
        waiting = next((block for block in self._unconfirmed if block.startswith(f"{message}:")), None)
        if waiting is None:
            return []
        self._unconfirmed.remove(waiting)
        return [*self._blocks.done(waiting)]

    def _abandon(self) -> list[Output]:
        """Another message begins: blocks that nothing confirmed will not be."""
        blocks, self._unconfirmed = self._unconfirmed, []
        return [dropped for block in blocks for dropped in self._blocks.dropped(block)]


def flat(value: Any) -> str | None:
    """What a tool is given or gives, as text: blocks as their texts, JSON for the rest."""
    if isinstance(value, list):
        return "\n".join(_block(block) for block in value)
    return _block(value) if value is not None else None


def _block(value: Any) -> str:
    match value:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image"}:
            return "[image]"
    try:
        return json_lines.as_text(value) or ""
    except Malformed:
        return "[nested too deeply to be shown]"
