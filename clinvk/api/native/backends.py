"""GET /api/v1/backends: what can be asked, and what to do about the rest."""

import asyncio
import contextlib
from typing import Any, Final

from clinvk.api.dialects.models import Offer, in_order
from clinvk.api.handler import Handler
from clinvk.api.services import Services
from clinvk.backends.base import Backend
from clinvk.backends.registry import turned_off
from clinvk.supervisor.limits import BackendOptions

_LOOK_SECS: Final = 5.0
"""What a look at the machine may take before we tell what was known before it."""


async def list_backends(call: Handler) -> None:
    """Every backend, as it is on this machine now."""
    services, supervisor = call.services, call.services.supervisor
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_SECS):
            await supervisor.probe.look()
    registry = supervisor.registry
    enabled = {name: _enabled(registry.get(name), services) for name in registry.names()}
    told = enabled | {backend.name: _disabled(backend, services) for backend in registry.disabled}
    if not call.gone.done():
        call.reply({"backends": [told[name] for name in in_order(told)]})


def _enabled(backend: Backend, services: Services) -> dict[str, Any]:
    told = _told(backend, services)
    probe = services.supervisor.probe
    installation, reason = probe.found(backend.name), probe.reason(backend.name)
    if installation:
        told["available"] = True
        told |= {"version": installation.version} if installation.version else {}
        told |= {"path": installation.argv[-1]} if installation.argv else {}
    return told | ({"reason": reason} if reason else {})


def _disabled(backend: Backend, services: Services) -> dict[str, Any]:
    reason = f"{backend.name} is {turned_off(backend.name)}"
    return _told(backend, services) | {"enabled": False, "reason": reason}


def _told(backend: Backend, services: Services) -> dict[str, Any]:
    """What does not depend on the machine."""
    supervisor = services.supervisor
    able = backend.traits.capabilities
    options = supervisor.limits.backends.get(backend.name, BackendOptions())
    most = supervisor.limits.max_concurrent_runs
    return {
        "name": backend.name,
        "available": False,
        "enabled": True,
        "models": list(services.models.offers.get(backend.name, Offer()).models),
        "capabilities": {
            "stream": True,
            "resume": able.resume,
            "system_prompt": able.system_prompt,
            "images": able.images,
            "warm": False,
        },
        "live": supervisor.live_of(backend.name),
        "limit": min(most, options.max_concurrent or most),
    }
