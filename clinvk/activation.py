"""Sockets that a service manager opened before the server was there: systemd's LISTEN_FDS."""

import socket
from collections.abc import MutableMapping
from typing import Final

from clinvk.domain.errors import ClinvkError

_FIRST: Final = 3
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


class NotListening(ClinvkError):
    """What the service manager gave cannot be served on, in a sentence."""


def take(environment: MutableMapping[str, str], pid: int) -> list[socket.socket]:
    """The listening sockets that are meant for the main process `pid`; none is inherited any further, and the
    variables are taken out of `environment`. Empty without socket activation. Raises NotListening.
    """
    meant, count, names, _ = (environment.pop(name, "") for name in _VARIABLES)
    if meant != str(pid) or not count:
        return []
    if not count.isdecimal():
        raise NotListening(f"LISTEN_FDS is no number: {count!r}")
    named = names.split(":") if names else []
    return [
        _socket(_FIRST + place, named[place] if place < len(named) else "unknown") for place in range(int(count))
    ]


def _socket(fd: int, name: str) -> socket.socket:
    told = f"file descriptor {fd} ({name}), which the service manager opened,"
    try:
        found = socket.socket(fileno=fd)
    except OSError as error:
        raise NotListening(f"{told} is no socket: {error.strerror}") from error
    if fault := _fault(found):
        found.close()
        raise NotListening(f"{told} {fault}")
    found.set_inheritable(False)
    found.setblocking(False)
    return found


def _fault(found: socket.socket) -> str | None:
    if found.family not in _FAMILIES or found.type != socket.SOCK_STREAM:
        return "is no stream socket of TCP or unix (ListenStream=)"
    if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "does not listen: is it a single connection (Accept=yes)?"
    return None
