"""Requests to one server, and answers as what they mean."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from clinvk.domain.errors import ClinvkError
from clinvk.monitor import Unreachable
from clinvk.remote import http, problems
from clinvk.remote.problems import NOTHING, Expected
from clinvk.remote.target import Target
from clinvk.remote.wire import NOT_OURS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `patience` is how many seconds may pass without a byte."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    patience: float = 15.0


class Client:
    """Asks one server, over connections that are kept for the next request until `aclose`."""

    def __init__(self, target: Target) -> None:
        self.target: Final = target
        self._http = http.connected_to(target)

    async def aclose(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def open(self, request: Request, expected: Expected = NOTHING) -> AsyncIterator[httpx.Response]:
        """A success whose body is still to be read: one that is left half-read ends its connection.

        Raises Unreachable, also for what breaks within the context; Refused; what is `expected`.
        """
        try:
            async with self._http.stream(
                request.method,
                request.path,
                headers=request.headers,
                content=request.body,
                timeout=http.timeout(request.patience),
            ) as answer:
                await problems.check(self.target, answer, expected)
                yield answer
        except (httpx.TransportError, OSError) as error:  # what TLS says while one reads is none of httpx's own
            raise Unreachable(f"{self.target.url} {http.told(error, request.patience)}") from error

    async def ask(self, request: Request, form: type[T], expected: Expected = NOTHING) -> T:
        """The JSON of a success as a `form`; what newer servers tell besides is passed over. Raises as `open`."""
        async with self.open(request, expected) as answer:
            body = await http.whole(answer)
        try:
            return msgspec.json.decode(body, type=form)
        except NOT_OURS as error:
            raise self.unlike(error) from error

    def unlike(self, error: Exception) -> ClinvkError:
        """For an answer that is not ours, or not of this version."""
        return Unreachable(f"{self.target.url} does not answer as this version of clinvk does: {error}")


def step(id_: str) -> str:
    """`id_` as one step of a path."""
    return quote(id_, safe="")
