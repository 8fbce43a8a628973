"""One server from start to end: build, run, drain, close."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Final

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from clinvk import guardian
from clinvk.api.application import server as http_server
from clinvk.api.services import Bounds, Habits, Services
from clinvk.backends.registry import Registry, default_registry
from clinvk.clock import SystemClock
from clinvk.domain import ids
from clinvk.domain.errors import ClinvkError
from clinvk.domain.spec import RunSpec
from clinvk.schemas import Schemas
from clinvk.settings import BackendSettings, ServerSettings, Settings
from clinvk.store.spool import Spool
from clinvk.supervisor import sites
from clinvk.supervisor.local_monitor import LocalMonitor
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.supervisor import BackendOptions, Limits, Supervisor
from clinvk.supervisor.tasks import Tasks, first_of

_log = logging.getLogger("clinvk.app")
_backends_log = logging.getLogger("clinvk.backends")

_SPOOL_DAYS: Final = 30
_SAME_SIGNAL_SECS: Final = 0.5  # a signal to the whole group may reach us twice
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
    spool: Spool | None
    services: Services
    http: HTTPServer


async def serve(settings: Settings, *, log_content: bool = False) -> None:
    """Serve until a signal asks for the end, and return when nothing is left. Raises CannotServe."""
    sockets = _bind(settings)
    ending = _Ending()
    await asyncio.to_thread(sites.sweep)
    parts = _build(settings, log_content=log_content)
    try:
        await _look_around(parts.supervisor.probe, ending)
        if not ending.asked.done():
            parts.http.add_sockets(sockets)
            _announce(settings.server.host, sockets)
        await ending.asked
        _log.info("stopping: no new runs, live ones are stopped")
    finally:
        await _close(parts, settings, ending)
        _log.info("stopped")


async def _look_around(probe: Probe, ending: "_Ending") -> None:
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


def _build(settings: Settings, *, log_content: bool) -> _Parts:
    clock = SystemClock()
    spool = _open_spool(settings, clock)
    registry = default_registry({name for name, backend in settings.backends.items() if not backend.enabled})
    _check_tools(settings, registry)

    def new_id(kind: str) -> str:
        return ids.new(kind, int(clock.wall() * 1000), os.urandom(ids.ENTROPY_BYTES))

    supervisor = Supervisor(registry, _limits(settings, log_content=log_content), clock, new_id, spool=spool)
    services = Services(
        supervisor=supervisor,
        monitor=LocalMonitor(supervisor),
        schemas=Schemas(),
        bounds=_bounds(settings.server),
        clock=clock,
        new_id=new_id,
        default_workdir=os.getcwd(),  # noqa: PTH109  a string is what runs take
        habits={
            name: Habits(
                allowed_tools=backend.allowed_tools or (), replace_system_prompt=backend.replace_system_prompt
            )
            for name, backend in settings.backends.items()
        },
    )
    return _Parts(supervisor, spool, services, http_server(services))


def _check_tools(settings: Settings, registry: Registry) -> None:
    """Whether each backend can do with the tools it is configured to allow. Raises CannotServe."""
    for name, backend in settings.backends.items():
        if backend.enabled and backend.allowed_tools and name in registry.names():
            spec = RunSpec(name, "", "/", allowed_tools=backend.allowed_tools)
            for fault in registry.get(name).faults(spec):
                raise CannotServe(f"backends.{name}.allowed_tools: {fault.message}; expected {fault.expected}")


def _open_spool(settings: Settings, clock: SystemClock) -> Spool | None:
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        spool = Spool(settings.home / "runs")
    except OSError as error:
        _log.warning("no spool, so only the newest events of a run are kept: %s", error)
        return None
    spool.sweep(clock.wall() - _SPOOL_DAYS * 86400)
    return spool


def _limits(settings: Settings, *, log_content: bool) -> Limits:
    return Limits(
        max_concurrent_runs=settings.server.max_concurrent_runs,
        max_queued_runs=settings.server.max_queued_runs,
        total_secs=settings.command_timeout_secs,
        log_content=log_content,
        backends={
            name: BackendOptions(
                max_concurrent=backend.max_concurrent,
                first_output_secs=backend.first_output_timeout_secs,
                idle_secs=backend.idle_timeout_secs,
                path=backend.path,
                variables=_variables(backend),
            )
            for name, backend in settings.backends.items()
        },
    )


def _variables(backend: BackendSettings) -> dict[str, str]:
    """What its CLI sees beside the usual: some of what we see, and what is set for it alone."""
    passed = {name: os.environ[name] for name in backend.pass_env if name in os.environ}
    return {**passed, **backend.env}


def _bounds(server: ServerSettings) -> Bounds:
    return Bounds(
        max_body_bytes=server.max_request_body_bytes,
        request_secs=server.request_timeout_secs,
        read_secs=server.read_timeout_secs,
        write_secs=server.write_timeout_secs,
        idle_secs=server.idle_timeout_secs,
        allowed_hosts=server.allowed_hosts,
    )


def _announce(host: str, sockets: list[socket.socket]) -> None:
    port = sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    print(_ANNOUNCEMENT.format(url=f"http://{shown}:{port}"), end="", flush=True)  # noqa: T201  the documented output
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


async def _close(parts: _Parts, settings: Settings, ending: "_Ending") -> None:
    parts.http.stop()
    grace = 0.0 if guardian.orphaned() else settings.server.shutdown_grace_secs
    await parts.supervisor.drain(grace, ending.hurried)
    await parts.services.requests.none_left(_LAST_WORDS_SECS)
    await parts.http.close_all_connections()
    if parts.spool:
        await parts.spool.close()


class _Ending:
    """The wish to end: SIGTERM, SIGINT, or SIGHUP where there is a terminal to lose. A second one hurries."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[None] = loop.create_future()
        self.hurried: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._asked_at = 0.0
        loop.add_signal_handler(signal.SIGTERM, self._ask)
        loop.add_signal_handler(signal.SIGINT, self._ask)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup stays nohup
            loop.add_signal_handler(signal.SIGHUP, self._ask if _has_terminal() else _nothing_to_reload)

    def _ask(self) -> None:
        if not self.asked.done():
            self._asked_at = self._loop.time()
            self.asked.set_result(None)
        elif self._loop.time() - self._asked_at > _SAME_SIGNAL_SECS and not self.hurried.done():
            self.hurried.set_result(None)


def _has_terminal() -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        return True
    return False


def _nothing_to_reload() -> None:
    _log.info("SIGHUP: there is nothing to reload")
