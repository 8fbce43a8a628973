"""What the server says of itself: /, /health, /openapi.json."""

from clinvk import __version__
from clinvk.api.handler import Handler
from clinvk.views import Status, StoreStatus


async def root(call: Handler) -> None:
    """Where to go from here."""
    paths = {"health": "/health", "openapi": "/openapi.json", "docs": "/docs"}
    call.reply({"name": "clinvk", "version": __version__, **paths})


async def health(call: Handler) -> None:
    """Cheap on purpose: nothing is started, nothing is scanned."""
    status = await call.services.monitor.status()
    word, code = _health(status)
    if call.services.keyring and call.grant is None:
        call.reply({"status": word}, code)  # what a load balancer needs, and nothing of what is here
        return
    call.reply(
        {
            "status": word,
            "version": status.version,
            "uptime": _spelled(status.uptime_secs),
            "uptime_ms": round(status.uptime_secs * 1000),
            "backends": [{"name": backend.name, "available": backend.available} for backend in status.backends],
            "session_store": _store(status.store),
            "runs": {"live": status.live, "queued": status.queued},
        },
        code,
    )


async def openapi(call: Handler) -> None:
    """This API, as OpenAPI 3.1."""
    assert call.services.openapi is not None
    call.reply(await call.services.openapi.read())


def _health(status: Status) -> tuple[str, int]:
    """In a word, and as an HTTP status: 503 is what load balancers and service managers look at."""
    if status.draining:
        return "draining", 503
    if status.store.failure:
        return "unhealthy", 503
    return ("degraded" if any(backend.missed for backend in status.backends) else "ok"), 200


def _store(store: StoreStatus) -> dict[str, object]:
    told = {"available": store.failure is None, "session_count": store.session_count}
    return told | ({"reason": store.failure} if store.failure else {})


def _spelled(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
