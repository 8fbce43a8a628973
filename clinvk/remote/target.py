"""Where a server is and how to get in: its URL, and the key."""

import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import SplitResult, quote, urlsplit

from clinvk.domain.errors import ClinvkError

_SCHEMES: Final = ("http", "https")
_EXAMPLE: Final = "such as http://127.0.0.1:8080"


class BadTarget(ClinvkError):
    """A URL or a key that cannot be used, and why. It never tells the key."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server. Its URL may end with a path that its own paths begin behind, for one behind a proxy."""

    url: str
    key: str | None = field(repr=False)

    @classmethod
    def of(cls, url: str, key: str | None) -> Self:
        """Raises BadTarget."""
        if key is not None and not re.fullmatch(r"[\x21-\x7e]+", key):
            raise BadTarget("the API key is empty, or has characters that no HTTP header can hold")
        try:
            parts = urlsplit(url.rstrip("/"))
            host, port = _host(parts), parts.port
        except ValueError as error:  # of a port, a bracket, a name that is none
            raise BadTarget(f"{url!r} is no URL of a server: {error}; expected one {_EXAMPLE}") from None
        if parts.scheme not in _SCHEMES or not host or port == 0:
            raise BadTarget(f"{url!r} is no URL of a server: expected one {_EXAMPLE}")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise BadTarget(
                f"a URL of a server is a scheme, a host, a port and perhaps a path, {_EXAMPLE}: no more"
            )
        authority = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        base = quote(parts.path, safe="/%:@!$&'()*+,;=~")
        return cls(f"{parts.scheme}://{authority}{base}", key)


def _host(parts: SplitResult) -> str:
    """As a resolver takes it. Raises ValueError."""
    host = parts.hostname or ""
    name = host if ":" in host else host.encode("idna").decode()
    if not re.fullmatch("[A-Za-z0-9_.:%-]*", name):
        raise ValueError(f"{host!r} is no name of a host")
    return name
