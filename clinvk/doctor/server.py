"""The port: free, or whose it is; and the server that is there already, if it is one."""

import contextlib
import errno
import fcntl
import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

from clinvk import __version__
from clinvk.doctor import sockets
from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, note, ok, problem, warning
from clinvk.doctor.loopback import is_loopback
from clinvk.store.database import LOCK

_ANSWER_SECS: Final = 1.5
_LONGEST: Final = 1 << 16
_SYSTEMD: Final = "systemd"
_STATES: Final = frozenset({"ok", "degraded", "unhealthy", "draining"})
_REFUSALS: Final = {
    errno.EACCES: ("ports below 1024 are for root alone", "choose a port above, or a proxy before it"),
    errno.EADDRNOTAVAIL: ("this machine has no such address", "correct server.host; 0.0.0.0 is every address"),
}


def findings(case: Case) -> Iterator[Finding]:
    """Of the port, and of whoever has it or the store."""
    host, port = case.settings.server.host, case.settings.server.port
    refused = None if port == 0 else _refused(host, port)
    if refused is None:
        what = "any free port is taken" if port == 0 else f"port {port} of {host} is free"
        yield ok(Id.SERVER_PORT, str(port), what)
        yield from _elsewhere(case)
        return
    if refused != errno.EADDRINUSE:
        why, cure = _REFUSALS.get(refused, (os.strerror(refused), "correct server.host and server.port"))
        yield problem(Id.SERVER_PORT, str(port), f"cannot listen on {host} port {port}: {why}", cure)
        return
    pids = sockets.holders(port)
    own = [pid for pid in pids if sockets.name(pid) != _SYSTEMD]
    if pids and not own:  # it would start the server if we asked
        yield ok(Id.SERVER_PORT, str(port), f"systemd listens on port {port}, and starts the server it is for")
        return
    pid = next(iter(own), None)
    health = _health(case)
    if health is None:
        yield _taken(port, pid)
    else:
        yield from _running(port, pid, health)


def _refused(host: str, port: int) -> int | None:
    """Why it cannot be bound, as an error number. Nobody could connect meanwhile: it does not listen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EIO
    return None


def _taken(port: int, pid: int | None) -> Finding:
    by = f"by {sockets.name(pid)}, pid {pid}" if pid else f"by a program of user {sockets.user(port)}"
    message = f"port {port} is taken {by}, which is no clinvk"
    return problem(Id.SERVER_PORT, str(port), message, "end it, or choose another: clinvk config set server.port")


def _running(port: int, pid: int | None, health: dict[str, Any]) -> Iterator[Finding]:
    version, since = health.get("version"), health.get("uptime")
    told = "".join(
        [f" {version}" if version else "", f", pid {pid}" if pid else "", f", up {since}" if since else ""]
    )
    yield ok(Id.SERVER_RUNNING, str(port), f"port {port} is taken by a running clinvk{told}")
    if version and version != __version__:
        message = f"the running server is clinvk {version}, and this is {__version__}"
        yield warning(Id.SERVER_VERSION, str(port), message, "start the server again")
    user = sockets.user(port)
    if user is not None and user != os.geteuid():
        message = f"the running server is user {user}'s, and you are {os.geteuid()}: other logins, another HOME"
        yield warning(Id.SERVER_USER, str(port), message, "run clinvk doctor as that user, with its CLINVK_HOME")
    store = health.get("session_store")
    if isinstance(store, dict) and store.get("available") is False:
        message = f"the running server has no store: {store.get('reason') or 'it does not say why'}"
        yield problem(Id.SERVER_STORE, str(port), message, "cure that, and start it again")


def _elsewhere(case: Case) -> Iterator[Finding]:
    """A server with this home that listens on another port. Its lock is looked at, never taken."""
    pid = _lock_holder(case)
    if pid:
        message = f"{case.places.home} is in use by a server on another port, pid {pid}"
        cure = "a second one needs a home of its own (CLINVK_HOME): without it it keeps no sessions"
        yield note(Id.SERVER_RUNNING, str(case.places.home), message, cure)


def _lock_holder(case: Case) -> int | None:
    """The pid in the lock, if it is held."""
    try:
        with (case.places.home / LOCK).open("rb") as lock:
            said = lock.read(32).strip()
            inode = os.fstat(lock.fileno()).st_ino
            return int(said) if said.isdigit() and _is_held(lock.fileno(), inode) else None
    except OSError:
        return None


def _is_held(lock: int, inode: int) -> bool:
    """As the kernel lists it; where it does not, by trying for a moment."""
    with contextlib.suppress(OSError), open("/proc/locks", encoding="ascii") as table:  # noqa: PTH123
        return any(
            " FLOCK " in line and fields[-3].rpartition(":")[2] == str(inode)
            for line in table
            if len(fields := line.split()) > 3
        )
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def _health(case: Case) -> dict[str, Any] | None:
    """What a clinvk on the port says of itself; None from anybody else."""
    server = case.settings.server
    host = server.host if is_loopback(server.host) else _loopback_for(server.host)
    connection = http.client.HTTPConnection(host, server.port, timeout=_ANSWER_SECS)
    if server.tls_cert_file:
        connection = http.client.HTTPSConnection(host, server.port, timeout=_ANSWER_SECS, context=_trusting())
    try:
        connection.request("GET", "/health")
        said = json.loads(connection.getresponse().read(_LONGEST))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return said if isinstance(said, dict) and said.get("status") in _STATES else None


def _trusting() -> ssl.SSLContext:
    """For this machine alone: nobody is in between, and the certificate bears another name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _loopback_for(host: str) -> str:
    """Where a server that listens on every address is reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  nothing is bound
