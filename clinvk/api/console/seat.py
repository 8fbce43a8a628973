"""One visitor: what the page says, the console that it is said to, and the end of both."""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from clinvk.api.console.visitors import LIMIT, Closing, Open, Visit, Visitors
from clinvk.domain.access import Keyring
from clinvk.supervisor.tasks import Tasks


class Size(msgspec.Struct, tag="size"):
    """The page's screen in cells, and whether its reader likes it dark."""

    columns: int
    rows: int
    dark: bool = True


class Input(msgspec.Struct, tag="input"):
    """What a terminal sends: keys, mouse, paste."""

    text: str


_decoder: Final = msgspec.json.Decoder(Size | Input)


class Seat:
    """Has a console from the first size that the page tells. Nothing that is said is logged or kept."""

    def __init__(
        self,
        visitors: Visitors,
        make: Open,
        send: Callable[[bytes], asyncio.Future[None]],
        close: Callable[[int, str], None],
        held: Collection[bytes] = (),
    ) -> None:
        """`send` and `close` are the socket's; `send` is done when the page has taken what it was sent.

        `held` are the API keys that the page has shown, by their digests.
        """
        self.send = send
        self.columns = self.rows = 0
        self.dark = True
        self._visitors = visitors
        self._make = make
        self._close = close
        self._held = held
        self._tasks = Tasks()
        self._running: asyncio.Task[None] | None = None
        self._visit: Visit | None = None

    def take(self) -> None:
        """Sit down, if there is room."""
        if not self._visitors.come(self):
            self.send_away(Closing.FULL, f"{LIMIT} consoles are open already")

    async def hear(self, message: str | bytes) -> None:
        """What the page says. Returns when the console has it: not before the next."""
        try:
            said = _decoder.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError):  # what it was is nobody's business
            self.send_away(
                Closing.NOT_UNDERSTOOD, "The page and the server do not understand each other: reload it"
            )
            return
        match said:
            case Size(columns, rows, dark):
                self.columns, self.rows, self.dark = columns, rows, dark
                self._fit()
            case Input(text) if self._visit:
                await self._visit.feed(text)

    def may_stay(self, keyring: Keyring) -> bool:
        """Whether these keys would let it in."""
        grants = [keyring.grants[each] for each in self._held if each in keyring.grants]
        return not keyring or any(not grant.is_bounded for grant in grants)

    def send_away(self, code: Closing, reason: str) -> None:
        """Close the socket, and end the console if that did not end itself."""
        self._close(code, reason)
        self.leave()

    def leave(self) -> None:
        """The page has gone: end its console."""
        self._visitors.leave(self)
        if self._running and not self._running.done():
            self._running.cancel()

    async def ended(self) -> None:
        """Returns when nothing of the console is left."""
        await self._tasks.join()

    def _fit(self) -> None:
        if self._visit:
            self._visit.fit()
        elif self._running is None:
            self._running = self._tasks.spawn(self._run(), name="console in a browser")
            self._running.add_done_callback(self._over)

    async def _run(self) -> None:
        self._visit = await self._make(self)
        await self._visit.run()

    def _over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            self.send_away(Closing.CRASHED, "The console crashed: the server's log says why")
        else:
            self.send_away(Closing.LEFT, "You left the console")
