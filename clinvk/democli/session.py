"""The life of the program: one turn after another, until stdin ends or nobody reads."""

import os

from clinvk.democli.turn import Conversation, Failure, Turn
from clinvk.democli.wire import Interrupted, Message, Wire
from clinvk.democli.words import play

_NOBODY_READS = 1


def main() -> int:
    """Serve prompts; the exit code."""
    wire = Wire()
    conversations: dict[str, Conversation] = {}
    try:
        wire.say(type="hello", version=1)
        while (message := wire.prompt()) is not None:
            _take_turn(Turn(wire, message, _conversation(message, conversations)))
    except BrokenPipeError:
        return _NOBODY_READS
    return 0


def _conversation(message: Message, conversations: dict[str, Conversation]) -> Conversation:
    asked = message.get("conversation")
    name = asked if isinstance(asked, str) else f"demo-{os.urandom(8).hex()}"
    return conversations.setdefault(name, Conversation(name, elsewhere=name == asked))


def _take_turn(turn: Turn) -> None:
    turn.say("conversation", id=turn.conversation.name)
    try:
        turn.pause(0)
        play(turn)
    except Interrupted:
        turn.done(None, None)
    except Failure as failure:
        turn.done(None, failure.error)
    else:
        turn.done("end_turn", None)
