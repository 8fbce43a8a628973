"""The other end of a connection, and which user of this machine it belongs to."""

import os
import socket
import struct
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tornado.httputil import HTTPServerRequest

from clinvk.api import client
from clinvk.api.problems import Kind, Problem

if TYPE_CHECKING:
    from clinvk.api.services import Services

CAN_TELL: Final = sys.platform == "linux"
"""Whether the system tells whose a connection is; elsewhere every local user is let in."""

_ROOT: Final = 0
_CURES: Final = "set up API keys (server.api_keys_file), or let every local user in with server.local_users: any"


class Peer:
    """The other end of one connection. Tornado asks it for `remote_ip` and `protocol`."""

    def __init__(self, connection: socket.socket, address: object, protocol: str) -> None:
        """`address` as `accept` told it."""
        self.protocol = protocol
        self._connection = connection
        self._is_unix = connection.family == socket.AF_UNIX
        self._remote = ("", 0) if self._is_unix else _ip_and_port(address)
        self._local = ("", 0) if self._is_unix else _ip_and_port(connection.getsockname())
        self.remote_ip = client.UNIX if self._is_unix else self._remote[0]

    def __str__(self) -> str:
        return self.remote_ip

    @cached_property
    def is_local(self) -> bool:
        """Whether it is on this machine, whichever of its addresses it has chosen to come from."""
        if self._is_unix or self._remote[0] == self._local[0]:
            return True
        ends = (client.parsed(ip) for ip, _ in (self._remote, self._local))
        return any(end is not None and end.is_loopback for end in ends) or self.user is not None

    @cached_property
    def user(self) -> int | None:
        """The uid it belongs to; None if that cannot be told, for instance as it has left already."""
        return _unix_user(self._connection) if self._is_unix else _TABLE.user(self._remote, self._local)


def check(request: HTTPServerRequest, services: "Services") -> None:
    """While no keys are asked for, programs of other users are refused; root is not. Raises Problem."""
    if services.keyring or not services.bounds.own_users_only or not CAN_TELL:
        return
    peer = getattr(request.connection, "context", None)
    assert isinstance(peer, Peer)
    if not peer.is_local or peer.user in {_ROOT, os.geteuid()}:
        return
    if peer.user is None:
        del peer.user  # the next request asks again: out of descriptors nobody can
        why = "This server cannot tell which user of this machine you are, and has no API keys to ask for"
    else:
        why = "This server belongs to another user of this machine, and has no API keys to ask for"
    raise Problem(Kind.FORBIDDEN, f"{why}: {_CURES}")


def _ip_and_port(address: object) -> tuple[str, int]:
    assert isinstance(address, tuple)
    known = client.parsed(address[0])
    return str(known or address[0]), address[1]


def _unix_user(connection: socket.socket) -> int | None:
    try:
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:
        return None
    return int(struct.unpack("=iII", told)[1])


class _Table:
    """The kernel's table of TCP sockets: asked for one row, or read whole where it answers no such questions."""

    def __init__(self) -> None:
        self._answers = False  # it has given a row: then one that it does not give is not there

    def user(self, theirs: tuple[str, int], ours: tuple[str, int]) -> int | None:
        """Whose the other end is.

        A socket that no process holds any more has no inode, and on some kernels the uid of root: it is nobody's.
        """
        row = self._asked(theirs, ours)
        if row is None and not self._answers:
            row = _read(theirs, ours)
        if row is None:
            return None
        uid, inode = row
        return uid if inode else None

    def _asked(self, theirs: tuple[str, int], ours: tuple[str, int]) -> tuple[int, int] | None:
        try:
            row = _ask(theirs, ours)
        except OSError:
            return None
        self._answers = self._answers or row is not None
        return row


_TABLE: Final = _Table()

_SOCK_DIAG: Final = 4  # the netlink family
_BY_FAMILY: Final = 20  # the message, both ways
_REQUEST: Final = 1
_NO_COOKIE: Final = 0xFFFFFFFF
_HEAD: Final = struct.Struct("=IHHII")
_ROW: Final = struct.Struct("=BBBB4s16s16s12x12xII")


def _ask(theirs: tuple[str, int], ours: tuple[str, int]) -> tuple[int, int] | None:
    """uid and inode of the one socket at `theirs` that is connected to `ours`. Raises OSError."""
    family = socket.AF_INET6 if ":" in theirs[0] else socket.AF_INET
    source, target = (socket.inet_pton(family, ip).ljust(16, b"\0") for ip, _ in (theirs, ours))
    ports = struct.pack("!HH", theirs[1], ours[1])
    asked = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + ports + source + target
    asked += struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        kernel.send(_HEAD.pack(_HEAD.size + len(asked), _BY_FAMILY, _REQUEST, 1, 0) + asked)
        told = kernel.recv(4096, socket.MSG_DONTWAIT)  # it answers before `send` returns
    if len(told) < _HEAD.size + _ROW.size or _HEAD.unpack_from(told)[1] != _BY_FAMILY:
        return None
    _, _, _, _, told_ports, told_source, told_target, uid, inode = _ROW.unpack_from(told, _HEAD.size)
    # Where nothing is connected so, a socket that listens at `theirs` is given.
    is_it = (told_ports, told_source, told_target) == (ports, source, target)
    return (uid, inode) if is_it else None


def _read(theirs: tuple[str, int], ours: tuple[str, int]) -> tuple[int, int] | None:
    """The same, from the table as text: each family of sockets has one, and those of IPv6 may talk IPv4."""
    for name, prefix in (("tcp", ""), ("tcp6", "::ffff:")):
        ends = [_shown(ip if ":" in ip else prefix + ip, port) for ip, port in (theirs, ours)]
        try:
            lines = Path("/proc/net", name).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[1:3] == ends:
                return int(columns[7]), int(columns[9])
    return None


def _shown(ip: str, port: int) -> str:
    """As the table writes it: words of four bytes, each the machine's way round."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
