"""The requests: those under way, and the newest that were answered."""

import asyncio
from collections import deque
from heapq import nlargest
from itertools import count
from operator import itemgetter
from typing import Final, Protocol

from clinvk.views import RequestView

_KEPT: Final = 1000


class Request(Protocol):
    """One that is under way."""

    @property
    def view(self) -> RequestView | None:
        """As it is now; None if nobody is to see it."""
        ...


class Requests:
    """Knows them, so that they can be shown, and so that a server that ends can let the last answers out."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._numbers = count()
        self._open: dict[Request, int] = {}
        self._ended: deque[tuple[int, RequestView]] = deque(maxlen=kept)
        self._waiting: asyncio.Future[None] | None = None

    def add(self, request: Request) -> None:
        """One has come."""
        self._open[request] = next(self._numbers)

    def remove(self, request: Request, seen: RequestView | None) -> None:
        """It has ended, as `seen` says. What was refused before it was added is kept, too."""
        number = self._open.pop(request, None)
        if seen:
            self._ended.append((next(self._numbers) if number is None else number, seen))
        if not self._open and self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    def newest(self, limit: int) -> tuple[RequestView, ...]:
        """Up to `limit` of them, the last that came first."""
        live = [(number, seen) for request, number in self._open.items() if (seen := request.view)]
        return tuple(seen for _, seen in nlargest(limit, [*live, *self._ended], key=itemgetter(0)))

    async def none_left(self, seconds: float) -> None:
        """Wait until there is none under way, `seconds` at most."""
        if self._open:
            self._waiting = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._waiting}, timeout=seconds)
