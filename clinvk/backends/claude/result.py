"""The end of a turn as claude tells it: how it ended, what it cost, and what went wrong in our words."""

import re
from datetime import datetime
from typing import Any, Final

from clinvk.backends import failures, json_lines
from clinvk.backends.json_lines import Malformed, Message
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import Exit, StopReason
from clinvk.domain.usage import Usage

CURES: Final = failures.Cures("claude", "log in with `claude` and /login, or set ANTHROPIC_API_KEY")

_STOP_REASONS: Final = {
    "end_turn": StopReason.END_TURN,
    "stop_sequence": StopReason.END_TURN,
    "max_tokens": StopReason.MAX_TOKENS,
    "model_context_window_exceeded": StopReason.MAX_TOKENS,
    "refusal": StopReason.REFUSAL,
}
_LOST: Final = re.compile(r"No conversation found|--resume requires a valid session")
_NOT_LOGGED_IN: Final = re.compile(
    r"Not logged in|Please run /login|Invalid API key|OAuth token (?:has )?expired", re.IGNORECASE
)
_USAGE_LIMIT: Final = re.compile(r"(?:usage|rate|session|weekly|spend) limit|hit your .{0,40}limit", re.IGNORECASE)
_RESET_EPOCH: Final = re.compile(r"\|(\d{10})\b")
_TURNS: Final = re.compile(r"number of turns \((\d+)\)")
_EXITS: Final = (
    (re.compile(r"unknown option"), "claude does not know an option that it was given; update it"),
    (re.compile(r"option '.*' argument"), "claude refuses the value of an option; correct the run's `extra`"),
    (re.compile(r"cannot be used with root"), "claude refuses bypassPermissions to root; change its defaultMode"),
)


def usage(result: Message, cost_before: float | None) -> Usage:
    """What the turn used. `cost_before` is what the conversation had cost, None where nobody knows."""
    told = result.get("usage")
    told = told if isinstance(told, dict) else {}
    details = told.get("output_tokens_details")
    read, written = _count(told, "cache_read_input_tokens"), _count(told, "cache_creation_input_tokens")
    return Usage(
        input_tokens=_count(told, "input_tokens") + read + written,
        output_tokens=_count(told, "output_tokens"),
        cached_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_count(details, "thinking_tokens") if isinstance(details, dict) else 0,
        cost_usd=_cost(result, cost_before),
    )


def _count(message: Message, name: str) -> int:
    """A count that spoils nothing: the end of a turn must be heard, whatever stands beside it."""
    try:
        return json_lines.count(message, name)
    except Malformed:
        return 0


def _cost(result: Message, before: float | None) -> float | None:
    total = json_lines.amount(result.get("total_cost_usd"))
    return None if total is None or before is None else round(max(0.0, total - before), 10)


def stop_reason(result: Message) -> StopReason | None:
    """Why the model ended the turn; None where it was ended, or where the reason is news to us."""
    if result.get("terminal_reason") == "max_turns" or result.get("subtype") == "error_max_turns":
        return StopReason.MAX_TURNS
    reason = result.get("stop_reason")
    failed = result.get("is_error") is not False and reason != "refusal"
    return None if failed or not isinstance(reason, str) else _STOP_REASONS.get(reason)


def failure(result: Message, max_turns: int | None, wait: float | None = None) -> RunError | None:
    """What went wrong; None where the result says that nothing did. `wait` is claude's last wait in seconds."""
    if result.get("is_error") is False:
        return None
    said = _words(result)
    if stop_reason(result) is StopReason.MAX_TURNS:
        found = _TURNS.search(said)
        return failures.turn_limit(max_turns or int(found[1] if found else 0))
    status = result.get("api_error_status")
    if isinstance(status, int) and not isinstance(status, bool):
        return failures.by_status(status, said, CURES, wait)
    if str(result.get("terminal_reason")).startswith("aborted"):
        return RunError(ErrorCode.BACKEND_FAILED, "claude was interrupted in the middle of its turn")
    if result.get("terminal_reason") == "budget_exhausted":
        cure = "raise the run's --max-budget-usd"
        return RunError(ErrorCode.BACKEND_FAILED, f"The turn used up its budget; {cure}{failures.detail_of(said)}")
    return _by_words(said, wait) or RunError(ErrorCode.BACKEND_FAILED, f"claude failed{failures.detail_of(said)}")


def _by_words(said: str, wait: float | None = None) -> RunError | None:
    """What the words alone tell; None where they tell nothing."""
    if _USAGE_LIMIT.search(said):
        return failures.by_status(429, said, CURES, wait)
    return _of_the_user(said) or failures.by_words(said, CURES)


def _of_the_user(said: str) -> RunError | None:
    """What the user asked for and does not have: a conversation, a login."""
    if _LOST.search(said):
        return failures.lost_conversation(said)
    return failures.not_logged_in(CURES, said) if _NOT_LOGGED_IN.search(said) else None


def seconds_until(said: str, now: object) -> float | None:
    """The seconds from `now`, an ISO time, to the time a text names as `…limit reached|<seconds since 1970>`."""
    found = _RESET_EPOCH.search(said)
    if not found or not isinstance(now, str):
        return None
    try:
        return max(0.0, int(found[1]) - datetime.fromisoformat(now).timestamp())
    except ValueError:
        return None


def exit_meaning(exit_: Exit) -> RunError | None:
    """What an exit without a result means, by what is on stderr. The provider's failures come in results."""
    said = exit_.stderr_tail
    if exit_.clean or exit_.signal:
        return None
    for pattern, sentence in _EXITS:
        if pattern.search(said):
            return RunError(ErrorCode.BACKEND_EXITED, f"{sentence}{failures.detail_of(exit_.last_words)}")
    return _of_the_user(exit_.last_words)


def _words(result: Message) -> str:
    """What a failed result says: its text, or its errors."""
    text: Any = result.get("result")
    if isinstance(text, str) and text:
        return text
    errors = result.get("errors")
    return "; ".join(str(error) for error in errors) if isinstance(errors, list) else ""
