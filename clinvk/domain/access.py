"""Who may ask, and for what: API keys as the server knows them. It never keeps a key itself."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LEAST: Final = 16
"""Characters that a key should have: fewer can be guessed."""
_MOST: Final = 256
_SEPARATORS: Final = re.compile(r"[,\r\n]")


@dataclass(frozen=True, slots=True)
class Grant:
    """What the holder of one key may do; None where the server's own bounds are all there is.

    `label` is the name of the key, the only thing of it that is ever told. `workdirs` are folders, by their real
    paths, that its runs may work in with all below them.
    """

    label: str
    backends: frozenset[str] | None = None
    workdirs: tuple[str, ...] | None = None
    max_concurrent_runs: int | None = None
    max_queued_runs: int | None = None
    rate_limit_rps: float | None = None
    rate_limit_burst: int | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether it may do less than the server could."""
        return (self.backends, self.workdirs, self.max_concurrent_runs, self.max_queued_runs) != (None,) * 4


def listed(text: str) -> list[str]:
    """The keys of a list, separated by commas or lines, taken literally: no quotes, no escapes.

    Blanks around a key are none of it, for no client could send them. What is empty is no key.
    """
    return [key for part in _SEPARATORS.split(text) if (key := part.strip())]


def unfit(key: str) -> str | None:
    """Why that cannot be a key, in words that go on after "it" and hold nothing of it; None if it can."""
    if len(key) > _MOST:
        return f"is longer than {_MOST} characters"
    if not all("!" <= letter <= "~" for letter in key):
        return "has a character that no header may hold, such as a blank or an umlaut"
    return None


def digest(key: str) -> bytes:
    """What is kept of a key: SHA-256. Keys are long and random, so nothing slower is needed."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every key that opens the server, by its digest. An empty one asks for none."""

    grants: Mapping[bytes, Grant] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.grants)

    def grant(self, key: str) -> Grant | None:
        """What `key` opens, None if nothing. Takes as long for any key: each is compared, to its end."""
        shown, found = digest(key), None
        for known, grant in self.grants.items():
            if hmac.compare_digest(known, shown):
                found = grant
        return found

    @property
    def by_label(self) -> Mapping[str, Grant]:
        return {grant.label: grant for grant in self.grants.values()}


NO_KEYS: Final = Keyring()
