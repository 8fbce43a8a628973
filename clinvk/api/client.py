"""Who asks, and by what address he knows this server: the connection says, or a proxy that is trusted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from tornado.httputil import HTTPHeaders, HTTPServerRequest

UNIX: Final = "unix"
"""The address of whoever comes by a unix socket, and how such a proxy is named among those that are trusted."""

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_WITH_PORT: Final = re.compile(r"\[(?P<v6>[^\]]*)\](?::[0-9]{1,5})?|(?P<v4>[0-9.]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Proxies:
    """Whose word on a client is taken."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    unix: bool = False

    def __contains__(self, address: str) -> bool:
        if address == UNIX:
            return self.unix
        known = parsed(address)
        return known is not None and any(known in network for network in self.networks)


NOBODY: Final = Proxies()


@dataclass(frozen=True, slots=True)
class Client:
    """One request's client: its address, `unix` where it has none; scheme and host that it asked for."""

    address: str
    protocol: str
    host: str

    @property
    def base_url(self) -> str:
        """What it calls this server."""
        return f"{self.protocol}://{self.host}"


def proxies(entries: Iterable[str]) -> Proxies:
    """Addresses, networks, `unix`. Raises ValueError for what is none of these."""
    entries = tuple(entries)
    networks = tuple(ip_network(entry, strict=False) for entry in entries if entry != UNIX)
    return Proxies(networks, UNIX in entries)


def of(request: HTTPServerRequest, trusted: Proxies) -> Client:
    """Who asks. What headers say of it counts only where the other end of the connection is one of `trusted`."""
    direct = _plain(request.remote_ip or "")
    if direct not in trusted:
        return Client(direct, request.protocol, request.host)
    headers = request.headers
    protocol = _last(headers, "X-Forwarded-Proto").lower()
    host = _last(headers, "X-Forwarded-Host")
    return Client(
        _forwarded(headers, direct, trusted),
        protocol if protocol in {"http", "https"} else request.protocol,
        host if _HOST.fullmatch(host) else request.host,
    )


@lru_cache(maxsize=256)  # with each request comes one of a few
def parsed(address: str) -> IPv4Address | IPv6Address | None:
    """An address as such; IPv4 in the clothes of IPv6 is IPv4; None for what is none."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = known.ipv4_mapped if isinstance(known, IPv6Address) else None
    return mapped or known


def _plain(address: str) -> str:
    known = parsed(address)
    return str(known) if known else address


def _forwarded(headers: HTTPHeaders, direct: str, trusted: Proxies) -> str:
    """From right to left, as far as each is vouched for by a trusted one to its right.

    What is no address vouches for nothing: then whoever told it is all that is known.
    """
    if "X-Forwarded-For" not in headers:
        return _told(headers.get("X-Real-IP", "")) or direct
    vouched = direct
    for entry in reversed(headers["X-Forwarded-For"].split(",")):
        address = _told(entry)
        if address is None:
            break
        vouched = address
        if address not in trusted:
            break
    return vouched


def _told(entry: str) -> str | None:
    """The address of one entry, with or without a port."""
    entry = entry.strip().strip('"')
    match = _WITH_PORT.fullmatch(entry)
    known = parsed((match["v6"] or match["v4"]) if match else entry)
    return str(known) if known else None


def _last(headers: HTTPHeaders, name: str) -> str:
    """What the nearest proxy said."""
    return headers.get(name, "").rpartition(",")[2].strip()
