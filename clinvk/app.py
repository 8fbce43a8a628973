"""One server from start to end: build, run, drain, close."""

import asyncio
import logging
import math
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from clinvk import guardian, wiring
from clinvk.api.application import server as http_server
from clinvk.api.services import Services
from clinvk.backends.registry import default_registry
from clinvk.clock import SystemClock
from clinvk.domain import ids
from clinvk.domain.access import NO_KEYS
from clinvk.domain.errors import ClinvkError, StoreUnavailable
from clinvk.front import Front
from clinvk.local_monitor import LocalMonitor
from clinvk.reload import Reload
from clinvk.schemas import Schemas
from clinvk.settings import Settings
from clinvk.signals import Ending
from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor import environment, sites
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.supervisor import Supervisor
from clinvk.supervisor.tasks import Tasks, first_of
from clinvk.telemetry.logging import LogRing

_log = logging.getLogger("clinvk.app")
_backends_log = logging.getLogger("clinvk.backends")

_LAST_WORDS_SECS: Final = 1.0
_LOOK_SECS: Final = 3.0

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


class CannotServe(ClinvkError):
    """The server could not start, in a sentence."""


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
    sockets = _bind(settings)
    _forget_ourselves(sockets)
    ending = Ending()
    await asyncio.to_thread(sites.sweep)
    parts = await _build(settings, log_content=log_content)
    reload = Reload(settings, load, parts.services)
    ending.reload_by(reload.ask)
    front = Front(ending)
    try:
        await parts.supervisor.open()
        await _look_around(parts.supervisor.probe, ending)
        if not ending.asked.done():
            parts.services.address = _url(settings.server.host, sockets)
            _announce(settings.server.host, parts.services.address, sockets)
            if console:  # its start holds the loop: nobody is to wait for that
                await front.open(parts.services.monitor, settings.home / "console.log")
            parts.http.add_sockets(sockets)
        await ending.asked
    finally:
        await front.close()
        await reload.close()
        await _close(parts, reload.held, ending)
        _log.info("stopped")


def _forget_ourselves(sockets: list[socket.socket]) -> None:
    """What a user set for the clients of this server is not for the CLIs behind it."""
    for name in environment.leading_back(os.environ, {each.getsockname()[1] for each in sockets}):
        _log.warning("%s is for clients of this server: its CLIs do not see it", name)
        del os.environ[name]


async def _look_around(probe: Probe, ending: Ending) -> None:
    """See which CLIs there are, and tell. Whoever is slow to tell its version is looked at further on."""
    look = Tasks().spawn(probe.look(), name="the first look")
    await first_of(look, ending.asked, timeout=_LOOK_SECS)
    for found in probe.told():
        _backends_log.info(found)


def _bind(settings: Settings) -> list[socket.socket]:
    host, port = settings.server.host, settings.server.port
    try:
        return bind_sockets(port, host)
    except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
        why = error.strerror if isinstance(error, OSError) else "it is not a host name"
        raise CannotServe(f"cannot listen on {host} port {port}: {why} (see --port and --host)") from error


async def _build(settings: Settings, *, log_content: bool) -> _Parts:
    clock = SystemClock()
    registry = default_registry(wiring.disabled(settings))
    options = wiring.session_options(settings)
    keeping = Keeping(_open_spool(settings), await _open_store(settings), options)
    if keeping.spool and keeping.store is None:  # a store knows which are still wanted, and deletes the others
        keeping.spool.sweep(clock.wall() - settings.session.retention_days * 86400)

    def new_id(kind: str) -> str:
        return ids.new(kind, int(clock.wall() * 1000), os.urandom(ids.ENTROPY_BYTES))

    limits = wiring.limits(settings, NO_KEYS, log_content=log_content)
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
    )
    log = LogRing()
    log.install()
    services.monitor = LocalMonitor(services, log)
    services.console = wiring.console(services.monitor)
    services.visitors.allow(settings.server.console_enabled)
    return _Parts(supervisor, keeping, services, http_server(services))


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


def _url(host: str, sockets: list[socket.socket]) -> str:
    port = sockets[0].getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(host: str, url: str, sockets: list[socket.socket]) -> None:
    print(_ANNOUNCEMENT.format(url=url), end="", flush=True)  # noqa: T201  the documented output
    if any(not _is_loopback(bound) for bound in sockets):
        print(  # noqa: T201
            f"WARNING: {host} is not loopback, and there are no API keys yet:\n"
            "WARNING: everyone who reaches this port can run agents on this machine as you.",
            file=sys.stderr,
            flush=True,
        )


def _is_loopback(bound: socket.socket) -> bool:
    address: str = bound.getsockname()[0]
    return address.startswith("127.") or address == "::1"


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
    if parts.keeping.spool:
        await parts.keeping.spool.close()
    if parts.keeping.store:
        await parts.keeping.store.close()
