"""The gauges of a server's metrics: how it stands when somebody asks."""

import platform
from collections.abc import Iterator

from clinvk import __version__
from clinvk.telemetry.levels import Levels
from clinvk.telemetry.series import About, Counter, Gauge


def gauges(levels: Levels) -> Iterator[Gauge | Counter]:
    """What is told of it, each with its name."""
    yield from _of_runs(levels)
    yield Gauge.of("clinvk_sessions", "Sessions that are kept.", levels.sessions)
    yield Gauge.of(
        "clinvk_store_up",
        "1 while sessions and runs can be kept, 0 while the store fails.",
        levels.store_is_well,
    )
    yield Gauge.each(
        "clinvk_backend_up",
        "1 for a backend whose CLI was found, 0 for one whose was not.",
        "backend",
        levels.available,
    )
    yield Gauge.of("clinvk_draining", "1 while the server ends and takes no more runs, else 0.", levels.draining)
    lost = About("clinvk_audit_lines_lost_total", "Lines that the audit log should have, and has not.")
    yield Counter(lost, {(): levels.audit_lines_lost})
    build = About("clinvk_build_info", "Always 1; the labels say what runs here.", ("version", "python"))
    yield Gauge(build, {(__version__, platform.python_version()): 1})


def _of_runs(levels: Levels) -> Iterator[Gauge]:
    yield Gauge.each(
        "clinvk_runs_live",
        "Runs that hold a slot, those included whose child is still ending.",
        "backend",
        levels.live,
    )
    yield Gauge.of("clinvk_runs_queued", "Runs that wait for a slot.", levels.queued)
    yield Gauge.of(
        "clinvk_runs_lingering", "Runs that have ended, and of which something lives on.", levels.lingering
    )
    yield Gauge.each("clinvk_children_warm", "Children that wait for a run.", "backend", levels.warm)
    yield Gauge.each(
        "clinvk_children_warm_memory_bytes",
        "Memory of those, with all their processes, as they were last looked at.",
        "backend",
        levels.warm_memory_bytes,
    )
    yield Gauge.of(
        "clinvk_runs_live_limit",
        "How many runs may hold a slot (server.max_concurrent_runs).",
        levels.max_concurrent_runs,
    )
    yield Gauge.of(
        "clinvk_runs_queued_limit", "How many runs may wait (server.max_queued_runs).", levels.max_queued_runs
    )
