"""Settings → what each part of the server takes."""

import asyncio
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from clinvk.api import client
from clinvk.api.console.visitors import Open, Page, Visit
from clinvk.api.cors import Cors
from clinvk.api.dialects.models import Models, Offer
from clinvk.api.rates import Limit
from clinvk.api.services import Bounds, GroupHabits, Habits
from clinvk.clock import Clock
from clinvk.domain.access import Keyring
from clinvk.domain.spec import ApprovalMode, SandboxMode
from clinvk.monitor import Monitor
from clinvk.settings import BackendSettings, ServerSettings, Settings
from clinvk.settings.backends import NAMES
from clinvk.supervisor import workdir
from clinvk.supervisor.limits import BackendOptions, Limits, LingerLimits, PoolLimits
from clinvk.supervisor.sessions import SessionOptions
from clinvk.telemetry.audit import NO_AUDIT, Audit, Auditor

if TYPE_CHECKING:
    from clinvk.telemetry.metrics import Metrics


def disabled(settings: Settings) -> set[str]:
    """The backends that may not be used."""
    return {name for name, backend in settings.backends.items() if backend.enabled is False}


def limits(settings: Settings, keyring: Keyring, *, log_content: bool) -> Limits:
    """What bounds the supervisor."""
    return Limits(
        max_concurrent_runs=settings.server.max_concurrent_runs,
        max_queued_runs=settings.server.max_queued_runs,
        total_secs=settings.unified_flags.command_timeout_secs,
        run_bytes=settings.server.max_run_output_bytes,
        memory_bytes=settings.server.max_run_memory_bytes,
        log_content=log_content,
        workdirs=workdir.Bounds(
            settings.server.allowed_workdir_prefixes, settings.server.blocked_workdir_prefixes
        ),
        grants=keyring.by_label,
        pool=PoolLimits(
            children=settings.pool.max_idle_children if settings.pool.enabled else 0,
            memory_bytes=settings.pool.max_idle_memory_bytes,
            idle_secs=settings.pool.idle_timeout_secs,
            turns=settings.pool.max_turns_per_child,
        ),
        linger=LingerLimits(settings.linger.max_secs, settings.linger.max_runs),
        backends={
            name: BackendOptions(
                max_concurrent=backend.max_concurrent,
                first_output_secs=backend.first_output_timeout_secs,
                idle_secs=backend.idle_timeout_secs,
                model=backend.model,
                path=backend.path,
                wanted=backend.enabled is True,
                variables=variables(backend),
            )
            for name, backend in settings.backends.items()
        },
    )


def session_options(settings: Settings) -> SessionOptions:
    """How sessions are kept."""
    chosen = settings.session
    return SessionOptions(
        auto_resume=chosen.auto_resume,
        retention_days=chosen.retention_days,
        store_token_usage=chosen.store_token_usage,
        default_tags=chosen.default_tags,
        store_content=chosen.store_content,
    )


def variables(backend: BackendSettings) -> dict[str, str]:
    """What its CLI sees beside the usual: some of what we see, and what is set for it alone."""
    passed = {name: os.environ[name] for name in backend.pass_env if name in os.environ}
    return {**passed, **backend.env}


def bounds(server: ServerSettings) -> Bounds:
    """What the HTTP side keeps to."""
    return Bounds(
        max_body_bytes=server.max_request_body_bytes,
        request_secs=server.request_timeout_secs,
        read_secs=server.read_timeout_secs,
        write_secs=server.write_timeout_secs,
        idle_secs=server.idle_timeout_secs,
        allowed_hosts=server.allowed_hosts,
        cors=Cors(server.cors_allowed_origins, server.cors_allow_credentials, server.cors_max_age),
        trusted_proxies=client.proxies(server.trusted_proxies),
        own_users_only=server.local_users == "own",
        max_connections=server.max_connections,
        metrics_require_key=server.metrics_require_key,
    )


def rate_limit(server: ServerSettings) -> Limit:
    """How often a client may ask."""
    return Limit(
        enabled=server.rate_limit_enabled,
        rps=server.rate_limit_rps,
        burst=server.rate_limit_burst,
        cleanup_secs=server.rate_limit_cleanup_secs,
    )


def metrics(server: ServerSettings, held: "Metrics | None" = None) -> "Metrics | None":
    """What counts, or goes on counting, if anybody asks for it. Its library takes a while to load: only then."""
    if not server.metrics_enabled:
        return None
    from clinvk.telemetry.metrics import Metrics  # noqa: PLC0415

    return held or Metrics()


def audit(server: ServerSettings, clock: Clock) -> Auditor:
    """The audit log, open, if there is to be one. Raises AuditUnavailable."""
    return Audit(Path(server.audit_log), clock) if server.audit_log else NO_AUDIT


def models(settings: Settings) -> Models:
    """Which names of models mean which backend."""
    offers = {name: _offer(backend) for name, backend in settings.backends.items()}
    return Models(NAMES, settings.default_backend, offers)


def _offer(backend: BackendSettings) -> Offer:
    configured = (backend.model,) if backend.model else ()
    return Offer(tuple(dict.fromkeys((*configured, *backend.models))), backend.aliases)


def habits(settings: Settings) -> dict[str, Habits]:
    """What every run is like, for each backend: what is set for it, else for all, else nothing."""
    return {name: _habits(backend, settings) for name, backend in settings.backends.items()}


def group_habits(settings: Settings) -> GroupHabits:
    """What requests of many prompts are like."""
    return GroupHabits(
        max_tasks=settings.parallel.max_tasks,
        at_once=settings.parallel.max_workers,
        fail_fast=settings.parallel.fail_fast,
        dry_run=settings.unified_flags.dry_run,
        output_format=settings.output.format,
    )


def console(monitor: Monitor) -> Open:
    """Makes the consoles of those who look from a browser."""

    async def make(page: Page) -> Visit:
        # The first of them has it loaded, which takes a while: not on the loop.
        await asyncio.to_thread(importlib.import_module, "tui.web")
        from tui import web  # noqa: PLC0415

        return web.visit(monitor, page)

    return make


def _habits(backend: BackendSettings, settings: Settings) -> Habits:
    flags = settings.unified_flags
    return Habits(
        approval_mode=ApprovalMode(backend.approval_mode or flags.approval_mode),
        sandbox_mode=SandboxMode(backend.sandbox_mode or flags.sandbox_mode),
        system_prompt=backend.system_prompt or None,
        max_turns=flags.max_turns or None,
        max_tokens=flags.max_tokens or None,
        extra=backend.extra_flags,
        allowed_tools=backend.allowed_tools,
        replace_system_prompt=backend.replace_system_prompt,
        dry_run=flags.dry_run,
        output_format=settings.output.format,
    )
