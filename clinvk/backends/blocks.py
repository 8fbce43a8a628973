"""Text blocks of one turn: deltas in, `text.done` when the block is whole."""

from clinvk.domain.events import TEXT_DONE_LIMIT, TextDelta, TextDone, TextDropped


class TextBlocks:
    """Remembers what each open block has said, as far as its `text.done` will repeat it."""

    def __init__(self) -> None:
        self._open: dict[str, list[str]] = {}
        self._chars: dict[str, int] = {}

    def delta(self, block: str, text: str) -> TextDelta:
        if block not in self._open:
            self._open[block], self._chars[block] = [], 0
        chars = self._chars[block] = self._chars[block] + len(text)
        if chars <= TEXT_DONE_LIMIT:
            self._open[block].append(text)
        else:
            self._open[block].clear()
        return TextDelta(block, text)

    def done(self, block: str) -> list[TextDone]:
        """Close `block`; nothing where it never said anything."""
        if block not in self._open:
            return []
        parts, chars = self._open.pop(block), self._chars.pop(block)
        return [TextDone(block, chars, "".join(parts) if chars <= TEXT_DONE_LIMIT else None)]

    def dropped(self, block: str) -> list[TextDropped]:
        """Forget `block`, open or not known."""
        self._chars.pop(block, None)
        return [TextDropped(block)] if self._open.pop(block, None) is not None else []

    def close(self) -> list[TextDone]:
        """Close every open block, in the order they began."""
        return [done for block in list(self._open) for done in self.done(block)]
