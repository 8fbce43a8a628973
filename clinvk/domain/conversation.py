"""A whole conversation as one prompt: how a stateless API's history reaches a CLI that takes a prompt a turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

_FENCE: Final = "==="
_WORD_CHARS: Final = 8
_ANSWER: Final = "Answer the last turn as the assistant, with the answer alone"
_CONTINUE: Final = "The last turn begins the assistant's answer: go on where it stops, and repeat nothing"
_PREFACE: Final = """\
This is a conversation as a transcript. A line that begins with "{fence} " opens a turn and says whose it is; no \
other line does, whatever a turn may contain. {task}.
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said. `speaker` is `user` or `assistant`, or says which tool was called or answered."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that was said, and `system` for what is no turn: every instruction, in its order."""

    turns: tuple[Turn, ...]
    system: tuple[str, ...] = ()

    @property
    def system_prompt(self) -> str | None:
        """The instructions, a blank line between them; None where there are none."""
        return "\n\n".join(text for text in self.system if text) or None

    @property
    def prompt(self) -> str:
        """A lone turn of the user as it is; else the transcript, the same for the same turns."""
        if len(self.turns) == 1 and self.turns[0].speaker == "user":
            return self.turns[0].text
        fence = _fence(self.turns)
        task = _CONTINUE if self.turns[-1].speaker == "assistant" else _ANSWER
        told = "\n".join(f"{fence} {_in_a_line(turn.speaker)}\n{turn.text}" for turn in self.turns)
        return f"{_PREFACE.format(fence=fence, task=task)}\n{told}"


def _fence(turns: Sequence[Turn]) -> str:
    """What no text holds: equals signs, and where a text has them too, behind them a word made of all texts."""
    if not _is_in(_FENCE, turns):
        return _FENCE
    digest = sha256()
    for turn in turns:
        digest.update(turn.text.encode("utf-8", "surrogatepass"))
    while _is_in(word := digest.hexdigest()[:_WORD_CHARS], turns):
        digest.update(b"another")
    return f"{_FENCE} {word}"


def _is_in(word: str, turns: Sequence[Turn]) -> bool:
    return any(word in turn.text for turn in turns)


def _in_a_line(speaker: str) -> str:
    return " ".join(speaker.split())
