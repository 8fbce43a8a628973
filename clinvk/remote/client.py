"""Requests to one server, and answers as what they mean."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from clinvk.domain.errors import ClinvkError
from clinvk.monitor import Unreachable
from clinvk.remote import problems
from clinvk.remote.http import Answer, Request, exchange
from clinvk.remote.problems import CEILING, NOTHING, Expected
from clinvk.remote.target import Target

T = TypeVar("T")


class Client:
    """Asks one server."""

    def __init__(self, target: Target) -> None:
        self.target: Final = target

    @asynccontextmanager
    async def open(self, request: Request, expected: Expected = NOTHING) -> AsyncIterator[Answer]:
        """A success whose body is still to be read. Raises Unreachable, Refused, what is `expected`."""
        async with exchange(self.target, request) as answer:
            await problems.check(self.target, answer, expected)
            yield answer

    async def ask(self, request: Request, form: type[T], expected: Expected = NOTHING) -> T:
        """The JSON of a success as a `form`; what newer servers tell besides is passed over. Raises as `open`."""
        async with self.open(request, expected) as answer:
            body = await answer.whole(CEILING)
        try:
            return msgspec.json.decode(body, type=form)
        except msgspec.DecodeError as error:
            raise self.unlike(error) from error

    def unlike(self, error: Exception) -> ClinvkError:
        """For an answer that is not ours, or not of this version."""
        return Unreachable(f"{self.target.url} does not answer as this version of clinvk does: {error}")


def step(id_: str) -> str:
    """`id_` as one step of a path."""
    return quote(id_, safe="")
