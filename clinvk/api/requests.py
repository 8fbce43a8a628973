"""The requests under way."""

import asyncio


class OpenRequests:
    """Counts them, so that a server that ends can let the last answers out."""

    def __init__(self) -> None:
        self._open: set[object] = set()
        self._waiting: asyncio.Future[None] | None = None

    def add(self, request: object) -> None:
        self._open.add(request)

    def remove(self, request: object) -> None:
        self._open.discard(request)
        if not self._open and self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    async def none_left(self, seconds: float) -> None:
        """Wait until there is none, `seconds` at most."""
        if self._open:
            self._waiting = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._waiting}, timeout=seconds)
