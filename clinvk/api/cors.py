"""Pages of other origins: which of them may ask, and what their browsers are told (CORS)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tornado.httputil import HTTPServerRequest

from clinvk.api import guards
from clinvk.api.client import Client
from clinvk.api.problems import Kind, Problem

EXPOSED: Final = (
    "X-Request-Id", "request-id", "X-Run-Id", "X-Group-Id", "X-Clinvk-Start", "Idempotent-Replayed", "Retry-After",
    "x-should-retry", "X-Ignored-Params", "X-Token-Count", "Etag", "Allow", "WWW-Authenticate",
)  # fmt: skip
"""Headers of answers that a page may read, besides those that it always may."""

_SENT: Final = frozenset(
    {
        "accept", "authorization", "cache-control", "content-type", "idempotency-key", "if-none-match",
        "last-event-id", "user-agent", "x-api-key", "x-request-id",
        "anthropic-beta", "anthropic-dangerous-direct-browser-access", "anthropic-version",
        "openai-beta", "openai-organization", "openai-project",
    }
)  # fmt: skip
_STAINLESS: Final = re.compile("x-stainless-[a-z0-9-]{1,64}")
"""What both vendors' SDKs tell of themselves."""

_ORIGIN: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/@\s]+)")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def is_preflight(request: HTTPServerRequest) -> bool:
    """Whether a browser asks what a page may ask: it shows no key then, whatever the page has."""
    headers = request.headers
    return request.method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


def is_own(origin: str, client: Client) -> bool:
    """Whether it is a page of this very server. It may be https where TLS ends at a proxy, not the other way."""
    scheme, _, netloc = origin.lower().partition("://")
    return netloc == client.host.lower() and scheme in {"https", client.protocol}


@dataclass(frozen=True, slots=True)
class Cors:
    """The origins whose pages may ask, besides the server's own; `*` is every one, none those of this machine."""

    origins: tuple[str, ...] = ()
    credentials: bool = False
    """Whether browsers may send cookies along; nothing of the kind for `*`, as browsers want it."""
    max_age: int = 300
    """Seconds that the answer to a preflight holds."""

    def check(self, origin: str | None, client: Client) -> None:
        """What says its origin is a browser's, and must have one that may ask. Raises Problem."""
        if origin is None or is_own(origin, client) or self._allows(origin):
            return
        raise Problem(
            Kind.FORBIDDEN,
            f"Requests from pages of '{origin}' are not allowed (server.cors_allowed_origins)",
        )

    def of_answer(self, origin: str | None) -> dict[str, str]:
        """The headers of every answer to a request that passed."""
        told = {} if self._is_for_all else {"Vary": "Origin"}
        if origin is None:
            return told
        told["Access-Control-Allow-Origin"] = "*" if self._is_for_all else origin
        told["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)
        if self.credentials and not self._is_for_all:
            told["Access-Control-Allow-Credentials"] = "true"
        return told

    def of_preflight(self, asked: Mapping[str, str], methods: str) -> dict[str, str]:
        """What the answer to a preflight has besides; `asked` are its headers."""
        told = {"Access-Control-Allow-Methods": methods, "Access-Control-Max-Age": str(self.max_age)}
        if names := _may_be_sent(asked.get("Access-Control-Request-Headers", "")):
            told["Access-Control-Allow-Headers"] = ", ".join(names)
        if asked.get("Access-Control-Request-Private-Network") == "true":
            told["Access-Control-Allow-Private-Network"] = "true"
        return told

    @property
    def _is_for_all(self) -> bool:
        return "*" in self.origins

    def _allows(self, origin: str) -> bool:
        if self._is_for_all:
            return True
        if self.origins:
            return _serialized(origin) in map(_serialized, self.origins)
        parts = _ORIGIN.fullmatch(origin.lower())
        return parts is not None and guards.is_of_this_machine(parts[2])


LOCAL: Final = Cors()


def _may_be_sent(asked: str) -> list[str]:
    names = (name.strip() for name in asked.lower().split(","))
    return list(dict.fromkeys(name for name in names if name in _SENT or _STAINLESS.fullmatch(name)))


def _serialized(origin: str) -> str:
    """As browsers write it: in lower case, without the port that its scheme has anyway."""
    origin = origin.lower()
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition(":")[0], ""))
