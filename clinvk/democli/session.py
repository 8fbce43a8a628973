"""The life of the program: one turn after another, until stdin ends or nobody reads."""

from clinvk.democli import store
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
            conversation = _conversation(message.get("conversation"), conversations)
            if conversation is None:
                _refuse(wire, message)
            else:
                _take_turn(Turn(wire, message, conversation))
    except BrokenPipeError:
        return _NOBODY_READS
    return 0


def _conversation(asked: object, known: dict[str, Conversation]) -> Conversation | None:
    """The conversation of that id, a new one where none is asked for; None if it is not known."""
    if not isinstance(asked, str):
        begun = Conversation(store.new_name())
        return known.setdefault(begun.name, begun)
    kept = store.load(asked)  # another process may have been further
    if kept is not None:
        known[asked] = Conversation(asked, kept)
    return known.get(asked)


def _refuse(wire: Wire, message: Message) -> None:
    """End a turn that was to go on with a conversation that nobody knows."""
    error = {
        "code": "resume_failed",
        "message": f"There is no conversation {message['conversation']} to go on with",
    }
    wire.say(type="done", turn=message["turn"], stop_reason=None, error=error)


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
