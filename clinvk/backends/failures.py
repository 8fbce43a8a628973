"""What went wrong behind a CLI, in our words: a code, and a sentence that names the cure."""

import re
from dataclasses import dataclass
from typing import Final

from clinvk.domain.errors import ErrorCode, RunError

_DETAIL_CHARS: Final = 300
_OVERLOADED: Final = frozenset({503, 529})
_NETWORK: Final = re.compile(
    r"ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|ENETUNREACH|EHOSTUNREACH|ENETDOWN"
    r"|socket hang up|fetch failed|(?:^|: )terminated\]?$"  # by these alone node says that a stream broke
    r"|connection (?:error|refused|reset|closed)|unable to connect|waiting for network|stream disconnected"
    r"|error sending request|network (?:error|failure|timeout)|network (?:is )?(?:down|unreachable)",
    re.IGNORECASE,
)
_STATUS: Final = re.compile(r"\b(?:status(?: code)?:?|HTTP|API Error:?)\s*(\d{3})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cures:
    """What a user of one CLI does about the failures that are his to mend: its name, and how to log in."""

    cli: str
    login: str


def by_status(status: int, said: str, cures: Cures, retry_after_secs: float | None = None) -> RunError:
    """The provider answered with this HTTP status, and the CLI put it as `said`."""
    detail = detail_of(said)
    if status == 401:
        return not_logged_in(cures, said)
    if status == 403:
        sentence = f"The provider does not allow this account to do that (403); see what it may use{detail}"
        return RunError(ErrorCode.FORBIDDEN, sentence)
    if status == 404:
        sentence = f"The provider knows no such model (404); name another one, or none{detail}"
        return RunError(ErrorCode.MODEL_NOT_FOUND, sentence)
    if status == 429:
        sentence = f"The account behind {cures.cli} is at its usage limit (429); try again later{detail}"
        return RunError(ErrorCode.USAGE_LIMIT, sentence, retry_after_secs)
    if status in _OVERLOADED:
        return overloaded(said, status)
    blame = "refused the request" if status < 500 else "failed"
    cure = "see what it says" if status < 500 else "try again"
    return RunError(ErrorCode.PROVIDER_ERROR, f"The provider {blame} ({status}); {cure}{detail}")


def not_logged_in(cures: Cures, said: str = "") -> RunError:
    """Nobody is logged in, or the key is refused."""
    sentence = f"{cures.cli} is not logged in, or its key is refused; {cures.login}{detail_of(said)}"
    return RunError(ErrorCode.NOT_AUTHENTICATED, sentence)


def overloaded(said: str, status: int | None = None) -> RunError:
    """The provider has no capacity."""
    told = f" ({status})" if status else ""
    return RunError(ErrorCode.OVERLOADED, f"The provider is overloaded{told}; try again later{detail_of(said)}")


def network(said: str) -> RunError:
    """The provider was not reached, or the connection broke."""
    sentence = f"The model's provider cannot be reached; look at the network and the proxy{detail_of(said)}"
    return RunError(ErrorCode.NETWORK, sentence)


def turn_limit(limit: int) -> RunError:
    """The agent took as many turns of its own as it was allowed."""
    sentence = f"The agent used all {limit} turns that max_turns allows; raise it, or ask for less"
    return RunError(ErrorCode.MAX_TURNS, sentence)


def lost_conversation(said: str = "") -> RunError:
    """The conversation to go on with is not there."""
    sentence = f"The conversation cannot be continued: the CLI does not have it; begin a new one{detail_of(said)}"
    return RunError(ErrorCode.RESUME_FAILED, sentence)


def by_words(said: str, cures: Cures) -> RunError | None:
    """What `said` tells on its own: a status in it, or the words of a broken network. None for anything else."""
    found = _STATUS.search(said)
    if found and 400 <= int(found[1]) < 600:
        return by_status(int(found[1]), said, cures)
    return network(said) if _NETWORK.search(said) else None


def detail_of(said: str) -> str:
    """`said` as the end of a sentence: one line, and no longer than anybody reads."""
    line = " ".join(said.split())
    if not line:
        return ""
    return f": {line if len(line) <= _DETAIL_CHARS else line[: _DETAIL_CHARS - 1] + '…'}"
