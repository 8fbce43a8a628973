"""One turn: what its word says goes out with the turn's id, and is counted."""

from clinvk.democli import store
from clinvk.democli.wire import Message, Wire

_LONGEST = 200  # characters that are remembered of a prompt
_MOST = 50  # prompts that are remembered
_TYPING = 0.015  # seconds between words: slow enough that a person sees them come


class Failure(Exception):
    """The turn failed: an error code of the protocol, and a sentence."""

    def __init__(self, code: str, message: str, retry_after_secs: float | None = None) -> None:
        super().__init__(message)
        self.error: Message = {"code": code, "message": message}
        if retry_after_secs is not None:
            self.error["retry_after_secs"] = retry_after_secs


class Conversation:
    """What is remembered from turn to turn: how many turns and words, and how the newest prompts began."""

    def __init__(self, name: str, kept: Message | None = None) -> None:
        """`kept` is what `store.load` gave; what of it makes no sense was never said."""
        self.name = name
        self.turns = self.words = 0
        self.prompts: list[str] = []
        match kept:
            case {"turns": int(turns), "words": int(words), "prompts": list(prompts)}:
                self.turns, self.words = turns, words
                self.prompts = [prompt for prompt in prompts if isinstance(prompt, str)]

    def begin(self, prompt: str) -> None:
        """One more turn."""
        self.turns += 1
        self.prompts = [*self.prompts, prompt[:_LONGEST]][-_MOST:]

    def save(self) -> None:
        store.save(self.name, turns=self.turns, words=self.words, prompts=self.prompts)


class Turn:
    """A turn under way. Every wait raises Interrupted when the turn is to end."""

    def __init__(self, wire: Wire, message: Message, conversation: Conversation) -> None:
        self.wire = wire
        self.id = str(message["turn"])
        self.prompt = str(message["prompt"])
        self.conversation = conversation
        self._asked = len(f"{self.prompt} {message.get('system') or ''}".split())
        self._said = 0
        self._reasoned = 0
        self._blocks = 0
        self._open: str | None = None
        self._keep = message.get("keep") is True
        conversation.begin(self.prompt)
        self._save()

    def pause(self, seconds: float | None) -> None:
        """Let `seconds` pass; None waits for ever."""
        self.wire.pause(self.id, seconds)

    def say(self, type_: str, **fields: object) -> None:
        """Write a message of this turn."""
        self.wire.say(type=type_, turn=self.id, **fields)

    def block(self) -> str:
        """The id of the open text block; a new one if none is open."""
        if self._open is None:
            self._blocks += 1
            self._open = f"block-{self._blocks}"
        return self._open

    def text(self, text: str) -> None:
        self.count(len(text.split()))
        self.say("text", block=self.block(), text=text)

    def stream(self, text: str, gap: float | None = None) -> None:
        """Say `text` word by word, `gap` seconds apart; by default as one types, and within a second."""
        words = text.split(" ")
        gap = min(_TYPING, 0.7 / len(words)) if gap is None else gap
        for number, word in enumerate(words):
            if number:
                self.pause(gap)
            self.text(word if number == len(words) - 1 else word + " ")

    def reason(self, text: str) -> None:
        """Think aloud, word by word."""
        for word in text.split():
            self._reasoned += 1
            self.say("reasoning", text=word + " ")
            self.pause(_TYPING)

    def end_block(self) -> None:
        """The open text block is whole; nothing if none is open."""
        if self._open is not None:
            self.say("text_end", block=self._open)
            self._open = None

    def count(self, words: int) -> None:
        """Add to what was said."""
        self._said += words

    def done(self, stop_reason: str | None, error: Message | None) -> None:
        """Close the block, tell the usage, and end the turn."""
        self.end_block()
        self.say(
            "usage",
            input_tokens=self.conversation.words + self._asked,
            output_tokens=self._said + self._reasoned,
            cached_tokens=self.conversation.words,
            reasoning_tokens=self._reasoned,
        )
        self.conversation.words += self._asked + self._said
        self._save()  # before it is told: who goes on at once finds it
        self.say("done", stop_reason=stop_reason, error=error)

    def _save(self) -> None:
        if self._keep:
            self.conversation.save()
