"""Who may ask at all. This server runs agents: a web page elsewhere must not reach it through a browser."""

import re
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from clinvk.api.problems import Kind, Problem

_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


def check_host(host: str | None, allowed: Collection[str]) -> None:
    """Against DNS rebinding: an address, a loopback name, this machine's name, or one of `allowed`.

    No Host at all passes: no browser sends that. Raises Problem.
    """
    if host is None:
        return
    name = _name(host)
    if _address(name) or name in _LOOPBACK_NAMES or name.endswith(".localhost"):
        return
    if name not in {socket.gethostname().lower(), *map(str.lower, allowed)}:
        raise Problem(
            Kind.FORBIDDEN,
            f"This server does not answer to the name '{name}': add it to server.allowed_hosts if it should",
        )


def check_media_type(content_type: str | None, *, has_body: bool) -> None:
    """A body must say that it is JSON: browsers send text/plain across sites without asking. Raises Problem."""
    essence = (content_type or "").partition(";")[0].strip().lower()
    if has_body and essence != "application/json":
        said = f"'{content_type}'" if content_type else "none"
        raise Problem(Kind.MEDIA_TYPE, f"The body needs Content-Type: application/json, not {said}")


def is_of_this_machine(host: str) -> bool:
    """Whether it is a loopback name or address, with a port or without."""
    return _is_local(_name(host))


def declared_length(content_length: str | None) -> int | None:
    """Bytes of body announced; None where what stands there is no number."""
    text = content_length or "0"
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower().rstrip(".")
    except ValueError:
        return host


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        return None


def _is_local(name: str) -> bool:
    if name in _LOOPBACK_NAMES or name.endswith(".localhost"):
        return True
    known = _address(name)
    return known is not None and known.is_loopback
