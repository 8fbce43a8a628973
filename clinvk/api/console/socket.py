"""The socket behind the page: keys and sizes come in, what a terminal shows goes out."""

import asyncio
import base64
from typing import Final

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from clinvk.api import cors
from clinvk.api.console.routes import OFF
from clinvk.api.console.seat import Seat
from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem
from clinvk.domain.access import digest

PROTOCOL: Final = "clinvk.console"
_KEY: Final = "clinvk.key."
_PING_SECS: Final = 20.0
_MESSAGE_BYTES: Final = 16 << 10  # the page makes pieces of what is longer


class Socket(Handler, WebSocketHandler):
    """A request like any other, until it is a socket."""

    seat: Seat

    @property
    def keys(self) -> list[str]:
        """Also those in the names of protocols: a browser can set no header of this request but that."""
        return [*super().keys, *_keys(self._protocols)]

    def check_visitor(self) -> None:
        """Nothing but the server's own page may have a console: browsers let any page open a socket to any site.

        Nor may the holder of a key that is bounded: at the console one may do everything. Raises Problem.
        """
        origin = self.request.headers.get("Origin")
        if origin is not None and not cors.is_own(origin, self.client):
            raise Problem(Kind.FORBIDDEN, f"The console is for this server's own page, not for '{origin}'")
        if self.grant and self.grant.is_bounded:
            raise Problem(
                Kind.FORBIDDEN,
                f"The key '{self.grant.label}' is bounded, and at the console one may do everything",
            )

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002
        return True  # it was checked, and more strictly

    @property
    def ping_interval(self) -> float:
        return _PING_SECS

    @property
    def max_message_size(self) -> int:
        return _MESSAGE_BYTES

    async def upgrade(self, seat: Seat) -> None:
        """Make a socket of the request. Raises Problem."""
        headers = self.request.headers
        is_socket = headers.get("Upgrade", "").lower() == "websocket" and self.request.method == "GET"
        if not is_socket or headers.get("Sec-WebSocket-Version") != "13" or "Sec-WebSocket-Key" not in headers:
            raise Problem(Kind.INVALID_REQUEST, "This is a WebSocket: open /console in a browser")
        self.seat = seat
        await WebSocketHandler.get(self)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return PROTOCOL if PROTOCOL in subprotocols else None

    @property
    def _protocols(self) -> list[str]:
        return [each.strip() for each in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]

    def open(self) -> None:
        self.set_nodelay(True)
        self.seat.take()

    async def on_message(self, message: str | bytes) -> None:
        await self.seat.hear(message)  # until then no other is read

    def on_close(self) -> None:
        self.seat.leave()

    def post_out(self, data: bytes) -> asyncio.Future[None]:
        """Done when the page has taken `data`; fails or is cancelled when it has left."""
        try:
            return self.write_message(data, binary=True)
        except WebSocketClosedError:
            gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            gone.cancel()
            return gone


async def enter(call: Handler) -> None:
    """Let a page in."""
    services = call.services
    assert isinstance(call, Socket)
    call.check_visitor()
    if not (services.visitors.welcome and services.console):
        raise Problem(Kind.NOT_FOUND, OFF)
    held = frozenset(map(digest, call.keys))
    await call.upgrade(Seat(services.visitors, services.console, call.post_out, call.close, held))


def _keys(protocols: list[str]) -> list[str]:
    """Those that are told as protocols: in UTF-8, and that in base64 as URLs have it, without its padding."""
    keys = []
    for coded in (each.removeprefix(_KEY) for each in protocols if each.startswith(_KEY)):
        try:
            data = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars="-_", validate=True)
        except ValueError:
            continue
        keys.append(data.decode(errors="surrogateescape"))
    return [key for key in keys if key]
