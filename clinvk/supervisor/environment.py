"""The environment of a child: an allow-list of ours, the backend's additions, nothing else."""

import re
import socket
from collections.abc import Collection, Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

MARKER: Final = "CLINVK_RUN"
"""Names in every child's environment the lease it was started for: strays are charged by it."""

_COMMON: Final = (
    "HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
)  # fmt: skip

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_FIXED: Final = {"TERM": "dumb", "NO_COLOR": "1"}


def clean(own: Mapping[str, str], allowed: Iterable[str], added: Mapping[str, str], marker: str) -> dict[str, str]:
    """What of `own` a child may see, with `added` on top. `allowed` are names, `LC_*` style families too."""
    is_allowed = _pattern(tuple(allowed)).match
    kept = {name: value for name, value in own.items() if is_allowed(name)}
    return {**kept, **_FIXED, **added, MARKER: marker}


@lru_cache
def _pattern(allowed: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, (*_COMMON, *allowed))))


def leading_back(own: Mapping[str, str], ports: Collection[int]) -> list[str]:
    """The variables of `own` that lead a client to this machine's `ports`, and the keys that go with them.

    Set for the clients of a server, they would have its own CLIs ask it, and so on without end.
    """
    addresses = [name for name, value in own.items() if _is_ours(value, ports)]
    families = {name.partition("_")[0] for name in addresses}
    keys = [f"{family}_{kind}" for family in families for kind in ("API_KEY", "AUTH_TOKEN")]
    return sorted({*addresses, *(own.keys() & set(keys))})


def _is_ours(value: str, ports: Collection[int]) -> bool:
    try:
        address = urlsplit(value.lower())
        port = address.port or _USUAL_PORTS.get(address.scheme)
    except ValueError:
        return False
    host = (address.hostname or "").rstrip(".")
    return address.scheme in _USUAL_PORTS and port in ports and (_is_local(host) or host in _own_names())


def _is_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _own_names() -> set[str]:
    """This machine's name, and what it calls its own addresses by that name."""
    name = socket.gethostname()
    try:
        return {name.lower(), *socket.gethostbyname_ex(name)[2]}
    except OSError:  # nobody knows that name
        return {name.lower()}
