"""One server from start to end: build, run, drain, close."""

import asyncio
import gc
import logging
import math
import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tornado.httpserver import HTTPServer

from clinvk import binding, guardian, notify, tls, wiring
from clinvk.api import peers
from clinvk.api.application import server as http_server
from clinvk.api.services import Services
from clinvk.apikeys import KeySources
from clinvk.backends.registry import default_registry
from clinvk.binding import CannotServe, Listening
from clinvk.clock import SystemClock
from clinvk.domain import ids
from clinvk.domain.access import Keyring
from clinvk.domain.errors import StoreUnavailable
from clinvk.front import Front
from clinvk.local_monitor import LocalMonitor
from clinvk.reload import Reload
from clinvk.schemas import Schemas
from clinvk.settings import BadSettings, Settings
from clinvk.signals import Ending
from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor import environment, sites
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.errand import Errands
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.supervisor import Supervisor
from clinvk.supervisor.tasks import Tasks, first_of
from clinvk.telemetry.audit import Action, Auditor, AuditUnavailable
from clinvk.telemetry.logging import LogRing

__all__ = ["CannotServe", "serve"]

_log = logging.getLogger("clinvk.app")
_backends_log = logging.getLogger("clinvk.backends")

_LAST_WORDS_SECS: Final = 1.0
_LOOK_SECS: Final = 3.0
_YOUNG_OBJECTS: Final = 10_000
"""As many as a few requests make: nearly all of them are gone before they are looked at."""

_ANNOUNCEMENT: Final = """\
clinvk API server starting on {url}

Available endpoints:
  Custom API:     /api/v1/prompt, /api/v1/parallel, /api/v1/chain, /api/v1/compare
  OpenAI:         /openai/v1/models, /openai/v1/chat/completions
  Anthropic:      /anthropic/v1/messages
  Docs:           /openapi.json
  Health:         /health

Press Ctrl+C to stop
"""

_WARNING: Final = """
WARNING: {host} is not loopback, and this server asks for no API keys.
WARNING: Everyone who reaches this port can run agents on this machine as you.
WARNING: Make a key with `clinvk keys add NAME`, or set CLINVK_API_KEYS.
"""

_WARNING_OF_PAGES: Final = """
WARNING: server.cors_allowed_origins is *, and this server asks for no API keys.
WARNING: Every web page that is opened on this machine can run agents as you.
"""


@dataclass(slots=True)
class _Parts:
    """What has to be closed again."""

    supervisor: Supervisor
    keeping: Keeping
    services: Services
    http: HTTPServer


async def serve(load: Callable[[], Settings], *, log_content: bool = False, console: bool = False) -> None:
    """Serve until a signal asks for the end, or whoever leaves the console, and return when nothing is left.

    `load` gives the settings, again at each SIGHUP. `console`: show one, if the terminal can. Raises CannotServe,
    and what `load` raises.
    """
    settings = load()
    manager = notify.manager(os.environ, guardian.main_pid(), SystemClock())
    given = binding.inherited()
    keyring = await _keys(settings)
    secure = await _tls(settings)
    audit = _audit(settings)
    listening = binding.listen(settings.server, given)
    _forget_ourselves(listening.ports)
    ending = Ending()
    await asyncio.to_thread(sites.sweep)
    parts = await _build(settings, keyring, log_content=log_content)
    parts.services.tls = secure
    parts.services.audit = audit
    sources = KeySources(parts.services.schemas, parts.supervisor.errands.run)
    reload = Reload(settings, load, sources.load, parts.services)
    ending.reload_by(
        partial(_read_again, reload, manager, partial(_warn_again, reload, parts.services, listening))
    )
    front = Front(ending)
    background = Tasks()
    try:
        await parts.supervisor.open()
        if not ending.asked.done():
            _announce(parts, settings, listening)
            if console:  # its start holds the loop: nobody is to wait for that
                await front.open(parts.services.monitor, settings.home / "console.log")
            _open(parts, listening)
            manager.ready(partial(_status, parts))
            background.spawn(_look_around(parts.supervisor.probe, ending), name="the first look")
        await ending.asked
    finally:
        manager.stopping()
        await front.close()
        await reload.close()
        await _close(parts, reload.held, ending)
        await background.cancel()
        listening.close()
        await manager.close()
        _log.info("stopped")


def _read_again(reload: Reload, manager: notify.Manager, warn: Callable[[], None]) -> None:
    manager.reloading()
    asked = reload.ask()
    asked.add_done_callback(lambda _: warn())
    asked.add_done_callback(lambda _: manager.reloaded())


def _warn_again(reload: Reload, services: Services, listening: Listening) -> None:
    """The last key may have gone."""
    _warn(reload.held, listening, services.keyring)


async def _keys(settings: Settings) -> Keyring:
    """The API keys, before anything listens. Raises BadSettings."""
    # There is no supervisor yet, whose looks at processes would take the exit status of gopass from us.
    keyring = await KeySources(Schemas(), Errands(Descendants()).run).load(settings)
    if keyring:
        guardian.close_to_others()  # who asks shows them to us, wherever ours are kept
        _log.info("API keys are asked for: %s", ", ".join(keyring.by_label))
    return keyring


def _forget_ourselves(ports: set[int]) -> None:
    """What a user set for the clients of this server is not for the CLIs behind it."""
    for name in environment.leading_back(os.environ, ports):
        _log.warning("%s is for clients of this server: its CLIs do not see it", name)
        del os.environ[name]


async def _look_around(probe: Probe, ending: Ending) -> None:
    """See which CLIs there are, and tell: after a while those that are known by then, and the others in the end.

    Nobody has to wait for that but the runs of a CLI that is still being looked at.
    """
    look = Tasks().spawn(probe.look(), name="look around")
    told = set[str]()
    for patience in (_LOOK_SECS, None):
        await first_of(look, ending.asked, timeout=patience)
        for found in probe.told():
            if found not in told:
                _backends_log.info(found)
                told.add(found)


def _status(parts: _Parts) -> str:
    supervisor = parts.supervisor
    state = "draining" if supervisor.draining else parts.services.address
    return f"{state}: {supervisor.live} live, {supervisor.queued} queued"


async def _tls(settings: Settings) -> ssl.SSLContext | None:
    try:
        return await asyncio.to_thread(tls.context, settings.server.tls_cert_file, settings.server.tls_key_file)
    except tls.NoTls as error:
        raise BadSettings(str(error)) from error


def _audit(settings: Settings) -> Auditor:
    try:
        return wiring.audit(settings.server, SystemClock())
    except AuditUnavailable as error:
        raise BadSettings(f"{error} (see server.audit_log)") from error


async def _build(settings: Settings, keyring: Keyring, *, log_content: bool) -> _Parts:
    clock = SystemClock()
    registry = default_registry(wiring.disabled(settings))
    options = wiring.session_options(settings)
    keeping = Keeping(_open_spool(settings), await _open_store(settings), options)
    if keeping.spool and keeping.store is None:  # a store knows which are still wanted, and deletes the others
        keeping.spool.sweep(clock.wall() - settings.session.retention_days * 86400)

    def new_id(kind: str) -> str:
        return ids.new(kind, int(clock.wall() * 1000), os.urandom(ids.ENTROPY_BYTES))

    limits = wiring.limits(settings, keyring, log_content=log_content)
    supervisor = Supervisor(registry, limits, clock, new_id, keeping=keeping)
    services = Services(
        supervisor=supervisor,
        schemas=Schemas(),
        bounds=wiring.bounds(settings.server),
        clock=clock,
        new_id=new_id,
        default_workdir=os.getcwd(),  # noqa: PTH109  a string is what runs take
        habits=wiring.habits(settings),
        models=wiring.models(settings),
        group_habits=wiring.group_habits(settings),
        keyring=keyring,
    )
    services.rates.limit = wiring.rate_limit(settings.server)
    services.metrics = wiring.metrics(settings.server)
    log = LogRing()
    log.install()
    services.monitor = LocalMonitor(services, log)
    services.console = wiring.console(services.monitor)
    services.visitors.allow(settings.server.console_enabled)
    parts = _Parts(supervisor, keeping, services, http_server(services))
    gc.freeze()  # what is there now stays: to look at it again and again would hold the loop
    return parts


def _open_spool(settings: Settings) -> Spool | None:
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Spool(settings.home / "runs")
    except OSError as error:
        _log.warning("no spool, so only the newest events of a run are kept: %s", error)
        return None


async def _open_store(settings: Settings) -> Store | None:
    try:
        return await Store.open(settings.home)
    except StoreUnavailable as error:
        _log.error("%s; prompts run without sessions", error)
        return None


def _announce(parts: _Parts, settings: Settings, listening: Listening) -> None:
    services = parts.services
    services.address = listening.url("https" if services.tls else "http")
    print(_ANNOUNCEMENT.format(url=services.address), end="", flush=True)  # noqa: T201  the documented output
    _warn(settings, listening, services.keyring)


def _open(parts: _Parts, listening: Listening) -> None:
    """Let clients in. What was made until now stays: to look at it again and again would hold the loop."""
    parts.services.books.server(Action.SERVER_START)
    parts.http.add_sockets(listening.sockets)
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    gc.enable()


def _warn(settings: Settings, listening: Listening, keyring: Keyring) -> None:
    """Of doors that stand open to more than one would think."""
    if keyring:
        return
    if not listening.is_local:
        print(_WARNING.format(host=listening.host), file=sys.stderr, flush=True)  # noqa: T201  not to be missed
    if "*" in settings.server.cors_allowed_origins:
        print(_WARNING_OF_PAGES, file=sys.stderr, flush=True)  # noqa: T201  nor this
    if settings.server.local_users == "own" and not peers.CAN_TELL:
        _log.warning("every user of this machine can run agents as you: this system does not tell them apart")


async def _close(parts: _Parts, settings: Settings, ending: Ending) -> None:
    grace = settings.server.shutdown_grace_secs if ending.grace is None else ending.grace
    if guardian.orphaned():
        grace = 0.0
    if not math.isinf(grace):  # who waits without end wants to watch, and to cancel
        parts.http.stop()
    _log.info("stopping: no new runs, live ones %s", "may go on" if grace else "are stopped")
    await parts.supervisor.drain(grace, ending.hurried)
    parts.http.stop()
    await parts.services.visitors.close()
    await parts.services.requests.none_left(_LAST_WORDS_SECS)
    await parts.http.close_all_connections()
    parts.services.books.server(Action.SERVER_STOP)
    await parts.services.audit.close()
    if parts.keeping.spool:
        await parts.keeping.spool.close()
    if parts.keeping.store:
        await parts.keeping.store.close()
