"""Stop sequences, honoured on the text: no CLI knows them."""

from typing import NamedTuple


class Cut(NamedTuple):
    """What of a text may go out, and the stop sequence that ended it."""

    text: str
    sequence: str | None = None


class Cutter:
    """Takes one text bit by bit, and holds back what may be the beginning of a stop sequence."""

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = sequences
        self._held = ""

    def feed(self, text: str) -> Cut:
        """What may go out now. The sequence that is complete first cuts, wherever the borders of deltas are."""
        if not self._sequences:
            return Cut(text)
        text = self._held + text
        found = [(text.index(each) + len(each), -len(each), each) for each in self._sequences if each in text]
        if found:
            end, size, sequence = min(found)
            self._held = ""
            return Cut(text[: end + size], sequence)
        kept = max(_overlap(text, each) for each in self._sequences)
        self._held = text[len(text) - kept :]
        return Cut(text[: len(text) - kept])

    def flush(self) -> str:
        """The text has ended: what was held back is text after all."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, sequence: str) -> int:
    """How many characters at the end of `text` may begin `sequence`."""
    place = max(0, len(text) - len(sequence) + 1)
    while (place := text.find(sequence[0], place)) >= 0:
        if sequence.startswith(text[place:]):
            return len(text) - place
        place += 1
    return 0
