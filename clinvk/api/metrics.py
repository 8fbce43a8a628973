"""GET /metrics: how the server does, for Prometheus."""

import asyncio
from typing import Final

from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import Answer, Route
from clinvk.api.services import Services
from clinvk.telemetry.levels import Levels

OFF: Final = "There are no metrics here: server.metrics_enabled is false"


async def scrape(call: Handler) -> None:
    """All metrics, in the form that is asked for."""
    metrics = call.services.metrics
    if metrics is None:
        raise Problem(Kind.NOT_FOUND, OFF)
    async with metrics.turn:
        if call.gone.done():
            return
        now = metrics.exposition(levels(call.services))
        # A full one takes tens of milliseconds: not on the loop.
        data, media_type = await asyncio.to_thread(now.encoded, call.request.headers.get("Accept", ""))
    if not call.gone.done():
        call.set_header("Content-Type", media_type)
        call.set_header("Cache-Control", "no-store")
        call.finish(data)


def levels(services: Services) -> Levels:
    """How the server stands. Cheap: nothing is asked of a store or a disk."""
    supervisor = services.supervisor
    names, limits, store = supervisor.registry.names(), supervisor.limits, supervisor.store_status
    idle = {name: supervisor.pool.idle(name) for name in names}
    return Levels(
        live={name: supervisor.live_of(name) for name in names},
        available={name: supervisor.probe.found(name) is not None for name in names},
        warm={name: each.children for name, each in idle.items()},
        warm_memory_bytes={name: each.memory_bytes for name, each in idle.items()},
        queued=supervisor.queued,
        lingering=supervisor.lingering,
        max_concurrent_runs=limits.max_concurrent_runs,
        max_queued_runs=limits.max_queued_runs,
        sessions=store.session_count,
        store_is_well=store.failure is None,
        draining=supervisor.draining,
        audit_lines_lost=services.audit.lost,
    )


def _is_open(services: Services) -> bool:
    return not services.bounds.metrics_require_key


ROUTE: Final = Route(
    "GET", "/metrics", scrape, "getMetrics", "Metrics for Prometheus", "meta",
    {
        200: Answer(
            "All metrics, in the text format of Prometheus, or in that of OpenMetrics if `Accept` asks for it.",
            {"text/plain": "", "application/openmetrics-text": ""},
        )
    },
    (Kind.NOT_FOUND,),
    open=_is_open,
    description="Where `server.metrics_enabled` is true. Asks for an API key, if there are any, unless"
    " `server.metrics_require_key` is false.",
)  # fmt: skip
