"""Who looks at the server's console from a browser: how many may, and how they are sent away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Final, Protocol

from clinvk.domain.access import Keyring

_log = logging.getLogger("clinvk.console")

LIMIT: Final = 8
"""Visitors at once: each has a console of its own on the loop that the whole server shares."""
_LAST_WORDS_SECS: Final = 2.0


class Closing(IntEnum):
    """Codes that a socket is closed with. The page knows them, and what to do."""

    LEFT = 4000  # 1000 says also whoever closes what no longer answers
    SERVER_ENDS = 1001
    NOT_UNDERSTOOD = 1007
    CRASHED = 1011
    FULL = 1013
    LOCKED = 4401
    SWITCHED_OFF = 4404


class Visit(Protocol):
    """One visitor's console."""

    async def feed(self, text: str) -> None:
        """Keys, mouse and paste, as a terminal says them. Returns when the next may come."""
        ...

    def fit(self) -> None:
        """The page is another now: look at it again."""
        ...

    async def run(self) -> None:
        """To its end, or until it is cancelled; nothing of it is left then."""
        ...


class Page(Protocol):
    """What shows a console: its cells, and whether its reader likes it dark."""

    @property
    def columns(self) -> int: ...

    @property
    def rows(self) -> int: ...

    @property
    def dark(self) -> bool: ...

    def send(self, data: bytes) -> asyncio.Future[None]:
        """Done when the page has taken it; fails or is cancelled when the page has left."""
        ...


Open = Callable[[Page], Awaitable[Visit]]
"""Makes the console of one visitor, not running yet."""


class Visitor(Protocol):
    """Who is here."""

    def may_stay(self, keyring: Keyring) -> bool:
        """Whether these keys would let it in."""
        ...

    def send_away(self, code: Closing, reason: str) -> None: ...

    async def ended(self) -> None:
        """Returns when nothing of the visit is left."""
        ...


class Visitors:
    """Those who are here."""

    def __init__(self) -> None:
        self._here: set[Visitor] = set()
        self._welcome = False

    def __len__(self) -> int:
        return len(self._here)

    @property
    def welcome(self) -> bool:
        """Whether there is a console in browsers at all (`server.console_enabled`)."""
        return self._welcome

    def allow(self, welcome: bool) -> None:
        """From now on there is one, or none, and whoever is here is sent away."""
        self._welcome = welcome
        if not welcome:
            self._send_away(Closing.SWITCHED_OFF, "The console was switched off (server.console_enabled)")

    def check(self, keyring: Keyring) -> None:
        """From now on these keys are asked for: send away whoever would not be let in any more."""
        for visitor in tuple(self._here):
            if not visitor.may_stay(keyring):
                visitor.send_away(Closing.LOCKED, "The API key is not known here any more")

    def come(self, visitor: Visitor) -> bool:
        """Let `visitor` in, if there is room."""
        if len(self._here) >= LIMIT:
            return False
        self._here.add(visitor)
        return True

    def leave(self, visitor: Visitor) -> None:
        self._here.discard(visitor)

    async def close(self) -> None:
        """The server ends: send all of them away, and wait until nothing of them is left."""
        self._welcome = False
        leaving = [visitor.ended() for visitor in self._here]
        self._send_away(Closing.SERVER_ENDS, "The server ends")
        if leaving:
            try:
                await asyncio.wait_for(asyncio.gather(*leaving), _LAST_WORDS_SECS)
            except TimeoutError:
                _log.warning("a console in a browser does not end")

    def _send_away(self, code: Closing, reason: str) -> None:
        for visitor in tuple(self._here):
            visitor.send_away(code, reason)
