"""GET /api/v1/status and /api/v1/requests: how the server itself is, and what it is asked."""

from typing import Final

from clinvk.api.handler import Handler
from clinvk.domain.wire import to_wire

_DEFAULT: Final = 100


async def get_status(call: Handler) -> None:
    """The server at one glance: cheap, nothing is started, nothing is scanned."""
    call.reply(await call.services.monitor.status())


async def list_requests(call: Handler) -> None:
    """HTTP requests, newest first: those under way, and the last that were answered."""
    found = await call.services.monitor.requests(call.query.get("limit", _DEFAULT))
    call.reply({"requests": [to_wire(each) for each in found]})
