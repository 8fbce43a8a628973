"""The backends of this machine: what can be asked, and what to do about the rest."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Final

from clinvk.api.dialects.models import Offer, in_order
from clinvk.api.services import Services
from clinvk.backends.base import Backend
from clinvk.backends.registry import turned_off
from clinvk.supervisor.limits import BackendOptions
from clinvk.views import BackendView, Capabilities

_LOOK_SECS: Final = 5.0
"""What a look at the machine may take before we tell what was known before it."""


async def look(services: Services) -> tuple[BackendView, ...]:
    """Every backend, as it is on this machine now: claude, codex, gemini, then the others."""
    supervisor = services.supervisor
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_SECS):
            await supervisor.probe.look()
    registry = supervisor.registry
    told = {name: _enabled(registry.get(name), services) for name in registry.names()}
    told |= {backend.name: _disabled(backend, services) for backend in registry.disabled}
    return tuple(told[name] for name in in_order(told))


def _enabled(backend: Backend, services: Services) -> BackendView:
    probe = services.supervisor.probe
    installation = probe.found(backend.name)
    told = replace(_told(backend, services), reason=probe.reason(backend.name) or None)
    if installation is None:
        return told
    path = installation.argv[-1] if installation.argv else None
    return replace(told, available=True, version=installation.version or None, path=path)


def _disabled(backend: Backend, services: Services) -> BackendView:
    reason = f"{backend.name} is {turned_off(backend.name)}"
    return replace(_told(backend, services), enabled=False, reason=reason)


def _told(backend: Backend, services: Services) -> BackendView:
    """What does not depend on the machine."""
    supervisor = services.supervisor
    able = backend.traits.capabilities
    options = supervisor.limits.backends.get(backend.name, BackendOptions())
    most = supervisor.limits.max_concurrent_runs
    idle, warm = supervisor.pool.idle(backend.name), supervisor.limits.pool.children > 0
    return BackendView(
        name=backend.name,
        available=False,
        enabled=True,
        models=services.models.offers.get(backend.name, Offer()).models,
        capabilities=Capabilities(
            stream=True, resume=able.resume, system_prompt=able.system_prompt, images=able.images, warm=warm
        ),
        live=supervisor.live_of(backend.name),
        limit=min(most, options.max_concurrent or most),
        idle=idle.children,
        idle_memory_bytes=idle.memory_bytes,
    )
