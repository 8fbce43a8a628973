"""GET /api/v1/backends: what can be asked, and what to do about the rest."""

from clinvk.api.handler import Handler
from clinvk.domain.wire import to_wire


async def list_backends(call: Handler) -> None:
    """Every backend, as it is on this machine now."""
    told = await call.services.monitor.backends()
    if not call.gone.done():
        call.reply({"backends": [to_wire(each) for each in told]})
