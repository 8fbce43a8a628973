"""What the server says of itself: /, /health, /openapi.json."""

from clinvk import __version__
from clinvk.api.handler import Handler
from clinvk.domain.wire import to_wire


async def root(call: Handler) -> None:
    """Where to go from here."""
    call.reply({"name": "clinvk", "version": __version__, "health": "/health", "openapi": "/openapi.json"})


async def health(call: Handler) -> None:
    """Cheap on purpose: nothing is started, nothing is scanned."""
    status = await call.services.monitor.status()
    call.reply(
        {
            "status": "ok",
            "version": status.version,
            "uptime": _spelled(status.uptime_secs),
            "uptime_ms": round(status.uptime_secs * 1000),
            "backends": [to_wire(backend) for backend in status.backends],
            "session_store": {"available": False, "session_count": 0},
            "runs": {"live": status.live, "queued": status.queued},
        }
    )


async def openapi(call: Handler) -> None:
    """This API, as OpenAPI 3.1."""
    assert call.services.openapi is not None
    call.reply(call.services.openapi)


def _spelled(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
