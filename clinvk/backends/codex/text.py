"""What codex says went wrong, in our words."""

import re
from types import MappingProxyType
from typing import Any, Final

from clinvk.backends import failures, json_lines
from clinvk.backends.failures import Cures
from clinvk.backends.json_lines import Message
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import Exit

CURES: Final = Cures("codex", "run `codex login`, or name a key in `~/.codex/config.toml`")
_KEY_NOT_SEEN: Final = Cures(
    "codex", "set the variable where clinvk is started, and name it in `backends.codex.pass_env`"
)

# The names codex gives to failures, and the status a provider would have given them.
_STATUSES: Final = MappingProxyType(
    {
        "badRequest": 400,
        "unauthorized": 401,
        "modelNotFound": 404,
        "usageLimitExceeded": 429,
        "rateLimitExceeded": 429,
        "sessionBudgetExceeded": 429,
        "internalServerError": 500,
    }
)
_OVERLOADED: Final = frozenset({"serverOverloaded", "flexUnavailable", "policyCapacityUnavailable"})
_CUT_SHORT: Final = "reason: max_output_tokens"
_NO_KEY: Final = "Missing environment variable"
_LOST: Final = re.compile(r"no rollout found|thread not found|invalid (?:session|thread) id", re.IGNORECASE)
_ERROR: Final = re.compile(r"^error: (.+)$", re.IGNORECASE | re.MULTILINE)
_NO_REPOSITORY: Final = "skip-git-repo-check"
_CRASHED: Final = 101


def failure(error: Message, resets_in: float | None = None) -> RunError:
    """Why the turn failed, as `error` tells; `resets_in` seconds the account's usage limit is lifted, if known."""
    said = _said(error)
    name, status = _kind(error.get("codexErrorInfo"))
    if status:
        return failures.by_status(status, said, CURES, resets_in)
    if name in _OVERLOADED:
        return failures.overloaded(said)
    if said.startswith(_NO_KEY):
        return failures.not_logged_in(_KEY_NOT_SEEN, said)
    if said and said != error.get("message"):  # passed on as it came, which codex does with a refused request
        return failures.by_status(400, said, CURES)
    known = failures.by_words(said, CURES)
    return known or RunError(ErrorCode.BACKEND_FAILED, f"codex failed{failures.detail_of(said)}")


def cut_short(error: Message) -> bool:
    """Whether the answer reached the model's token limit, which codex tells as a failure."""
    return _CUT_SHORT in _said(error)


def retrying(error: Message) -> str:
    """What to say of a failure that codex itself tries to mend."""
    details = error.get("additionalDetails")
    return f"{_said(error)}{failures.detail_of(details if isinstance(details, str) else '')}"


def lost(error: Message) -> bool:
    """Whether a conversation could not be opened because it is not there."""
    return bool(_LOST.search(_said(error)))


def explain(exit_: Exit) -> RunError | None:
    """What an exit without a result means: a word of its own on stderr, or a panic."""
    if _NO_REPOSITORY in exit_.stderr_tail and not exit_.clean:
        cure = "run `git init` there, or work in a repository"
        return RunError(
            ErrorCode.NO_REPOSITORY, f"Codex works in git repositories only, and the workdir is none; {cure}"
        )
    error = _ERROR.search(exit_.stderr_tail)
    if exit_.code == _CRASHED:
        sentence = f"Codex crashed; send the prompt again{failures.detail_of(exit_.last_words)}"
    elif error and not exit_.clean:
        sentence = f"Codex gave up; mend what it names{failures.detail_of(error[1])}"
    else:
        return None
    return RunError(ErrorCode.BACKEND_EXITED, sentence)


def _said(error: Message) -> str:
    """The message; where codex passes on a provider's JSON, the message in that."""
    said = error.get("message")
    if not isinstance(said, str):
        return ""
    match json_lines.parse(said.encode(errors="replace")):
        case {"error": {"message": str(inner)}}:
            return inner
        case _:
            return said


def _kind(info: Any) -> tuple[str, int | None]:
    """The name of a failure, and the HTTP status behind it."""
    if isinstance(info, str):
        return info, _STATUSES.get(info)
    named = info if isinstance(info, dict) else {}
    statuses = [inner.get("httpStatusCode") for inner in named.values() if isinstance(inner, dict)]
    known = (status for status in statuses if type(status) is int and 400 <= status < 600)
    return "", next(known, None)
