"""How a turn ended: stop reasons and JSON-RPC errors, in our words."""

from typing import Final

from clinvk.backends import failures
from clinvk.backends.failures import Cures
from clinvk.backends.json_lines import Message
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import TurnDone
from clinvk.domain.run import StopReason
from clinvk.domain.spec import RunSpec

AUTH_REQUIRED: Final = -32000
"""The protocol's own code: log in first."""

_STOP_REASONS: Final = {
    "end_turn": StopReason.END_TURN,
    "max_tokens": StopReason.MAX_TOKENS,
    "refusal": StopReason.REFUSAL,
}


def stopped(reason: object, spec: RunSpec, asked: bool) -> TurnDone:
    """The end that a stop reason tells; `asked` if it was us who cancelled."""
    if isinstance(reason, str) and reason in _STOP_REASONS:
        return TurnDone(_STOP_REASONS[reason])
    if reason == "max_turn_requests":
        return TurnDone(StopReason.MAX_TURNS, _turn_limit(spec))
    if reason == "cancelled":
        said = "The agent cancelled the turn, and nobody had asked for it; send the prompt again"
        return TurnDone() if asked else TurnDone(None, RunError(ErrorCode.BACKEND_FAILED, said))
    said = "The agent ended the turn and gave no reason that clinvk knows; look for a newer clinvk"
    return TurnDone(None, RunError(ErrorCode.PROTOCOL, said + failures.detail_of(str(reason))))


def _turn_limit(spec: RunSpec) -> RunError:
    if spec.max_turns is not None:
        return failures.turn_limit(spec.max_turns)
    said = "The agent stopped at a limit of turns in its own settings, or because it went in circles; ask for less"
    return RunError(ErrorCode.MAX_TURNS, said)


def failed(error: Message, cures: Cures) -> RunError:
    """What a JSON-RPC error means, as far as the protocol goes; some agents give HTTP statuses as codes."""
    code, said = error.get("code"), words_of(error)
    if code == AUTH_REQUIRED:
        return failures.not_logged_in(cures, said)
    if isinstance(code, int) and 400 <= code < 600:
        return failures.by_status(code, said, cures)
    sentence = f"{cures.cli} failed; see what it says{failures.detail_of(said)}"
    return failures.by_words(said, cures) or RunError(ErrorCode.BACKEND_FAILED, sentence)


def words_of(error: Message) -> str:
    """The most telling words of a JSON-RPC error: its details, else its message."""
    data = error.get("data")
    details = data.get("details") if isinstance(data, dict) else None
    return next((words for words in (details, error.get("message")) if isinstance(words, str) and words), "")
