"""Where the server listens: on what a service manager opened, else on host and port; on a unix socket too."""

import logging
import os
import socket
from dataclasses import dataclass

from tornado.netutil import bind_sockets

from clinvk import activation, guardian, unix_socket
from clinvk.domain.errors import ClinvkError
from clinvk.settings import ServerSettings

_log = logging.getLogger("clinvk.app")


class CannotServe(ClinvkError):
    """The server could not start, in a sentence."""


@dataclass(slots=True)
class Listening:
    """The open sockets of one server."""

    host: str
    """As it was asked for, or as a service manager has it."""
    main: list[socket.socket]
    own: list[unix_socket.Bound]
    """Those whose files are ours to remove."""

    @property
    def sockets(self) -> list[socket.socket]:
        return [*self.main, *(bound.socket for bound in self.own)]

    @property
    def ports(self) -> set[int]:
        return {each.getsockname()[1] for each in self.main if each.family != socket.AF_UNIX}

    @property
    def is_local(self) -> bool:
        """Whether nobody beyond this machine reaches any of them."""
        return all(map(_is_local, self.main))

    def url(self, scheme: str) -> str:
        """What clients call it."""
        return _url(self.host, self.main[0], scheme)

    def close(self) -> None:
        """Remove what would be left on the disk."""
        for bound in self.own:
            bound.remove()


def inherited() -> list[socket.socket]:
    """What a service manager opened for this server: to be taken before anything is started that could inherit it.

    Raises CannotServe.
    """
    try:
        return activation.take(os.environ, guardian.main_pid())
    except activation.NotListening as error:
        raise CannotServe(str(error)) from error


def listen(server: ServerSettings, given: list[socket.socket]) -> Listening:
    """Listen on what was `given`, else on host and port. Raises CannotServe."""
    for each in given:
        _log.info("the service manager listens for us on %s", _url(_host(each), each, "tcp"))
    main = given or _bind(server)
    host = _host(main[0]) if given else server.host
    return Listening(host, main, _bind_unix(server))


def _bind(server: ServerSettings) -> list[socket.socket]:
    host, port = server.host, server.port
    try:
        return bind_sockets(port, host)
    except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
        why = error.strerror if isinstance(error, OSError) else "it is not a host name"
        raise CannotServe(f"cannot listen on {host} port {port}: {why} (see --port and --host)") from error


def _bind_unix(server: ServerSettings) -> list[unix_socket.Bound]:
    """What is asked for beside the port."""
    if not server.unix_socket:
        return []
    try:
        bound = unix_socket.listen(server.unix_socket)
    except unix_socket.CannotListen as error:
        raise CannotServe(f"{error} (see server.unix_socket)") from error
    _log.info("listening on %s too, for this user alone", bound.path)
    return [bound]


def _host(bound: socket.socket) -> str:
    name = bound.getsockname()
    if isinstance(name, bytes):  # abstract: it begins with a zero
        return f"@{os.fsdecode(name[1:])}"
    return str(name if bound.family == socket.AF_UNIX else name[0])


def _url(host: str, bound: socket.socket, scheme: str) -> str:
    if bound.family == socket.AF_UNIX:
        return f"unix:{host}"
    port = bound.getsockname()[1]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _is_local(bound: socket.socket) -> bool:
    address = _host(bound)
    return bound.family == socket.AF_UNIX or address.startswith("127.") or address == "::1"
