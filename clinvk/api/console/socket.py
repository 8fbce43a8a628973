"""The socket behind the page: keys and sizes come in, what a terminal shows goes out."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from clinvk.api.console.seat import Seat
from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem

OFF: Final = "There is no console here: server.console_enabled is false"
_PING_SECS: Final = 20.0
_MESSAGE_BYTES: Final = 16 << 10  # the page makes pieces of what is longer


class Socket(Handler, WebSocketHandler):
    """A request like any other, until it is a socket."""

    seat: Seat

    def _guard(self) -> None:
        """What holds for every request, and more: nothing but the server's own page may have a console.

        Browsers let pages of any site open a socket to any other. API keys, once there are some, are asked for in
        `Handler._guard`, and so here; a browser cannot send one in a header of this request.
        """
        super()._guard()
        origin, host = self.request.headers.get("Origin"), self.request.headers.get("Host", "")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Problem(Kind.FORBIDDEN, f"The console is for this server's own page, not for '{origin}'")

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
    if not (services.visitors.welcome and services.console):
        raise Problem(Kind.NOT_FOUND, OFF)
    assert isinstance(call, Socket)
    await call.upgrade(Seat(services.visitors, services.console, call.post_out, call.close))
