"""Where a server is and how to get in: its URL taken apart, and the key."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import SplitResult, quote, urlsplit

from clinvk import __version__
from clinvk.domain.errors import ClinvkError

_PORTS: Final = {"http": 80, "https": 443}
_EXAMPLE: Final = "such as http://127.0.0.1:8080"


class BadTarget(ClinvkError):
    """A URL or a key that cannot be used, and why. It never tells the key."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server. `base` is the path that its own paths begin behind, for one behind a proxy; often empty."""

    url: str
    host: str
    port: int
    authority: str
    base: str
    tls: ssl.SSLContext | None = field(repr=False)
    key: str | None = field(repr=False)

    @classmethod
    def of(cls, url: str, key: str | None) -> Self:
        """Raises BadTarget."""
        if key is not None and not re.fullmatch(r"[\x21-\x7e]+", key):
            raise BadTarget("the API key is empty, or has characters that no HTTP header can hold")
        try:
            parts = urlsplit(url.rstrip("/"))
            host, port = _host(parts), parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError as error:  # of a port, a bracket, a name that is none
            raise BadTarget(f"{url!r} is no URL of a server: {error}; expected one {_EXAMPLE}") from None
        if not port or not host:
            raise BadTarget(f"{url!r} is no URL of a server: expected one {_EXAMPLE}")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise BadTarget(
                f"a URL of a server is a scheme, a host, a port and perhaps a path, {_EXAMPLE}: no more"
            )
        authority = (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")
        base = quote(parts.path, safe="/%:@!$&'()*+,;=~")
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        return cls(f"{parts.scheme}://{authority}{base}", host, port, authority, base, tls, key)

    def head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        """The head of a request. It has the key: it is for the wire only."""
        lines = [f"{method} {self.base}{path} HTTP/1.1", f"Host: {self.authority}"]
        lines += [f"User-Agent: clinvk/{__version__}", "Accept-Encoding: identity", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Authorization: Bearer {self.key}"] if self.key else []
        return "\r\n".join([*lines, "", ""]).encode("ascii")


def _host(parts: SplitResult) -> str:
    """As a resolver takes it. Raises ValueError."""
    host = parts.hostname or ""
    name = host if ":" in host else host.encode("idna").decode()
    if not re.fullmatch("[A-Za-z0-9_.:%-]*", name):
        raise ValueError(f"{host!r} is no name of a host")
    return name
