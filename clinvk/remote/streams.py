"""Events that go on over broken connections: none is lost, none comes twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, TypeAlias

import httpx

from clinvk.domain.errors import ClinvkError, LineTooLong, RunNotFound
from clinvk.domain.events import Entry, RunFinished
from clinvk.monitor import Unreachable
from clinvk.remote.client import Client, Request, step
from clinvk.remote.log import Attempts
from clinvk.remote.problems import of_run
from clinvk.remote.wire import NOT_OURS, Form, Ndjson, Sse
from clinvk.views import RunView

_SILENCE_SECS: Final = 60.0
"""A server that lives says something every 15 seconds, if only that it does."""
_FIRST_SECS: Final = 5.0
"""What is there already comes at once."""

Batches: TypeAlias = AsyncGenerator[list[Entry], None]


class _NumberedAnew(Exception):
    """The server has another life than the one whose entries were seen."""


class Journal:
    """Every run's lifecycle, for ever.

    Each new connection begins with the entry that was seen last. If another has its number, or none, then this is
    another server, or another life of it; all that it has is given then, from its number 0.
    """

    def __init__(self, client: Client, attempts: Attempts, since: int) -> None:
        self._client = client
        self._attempts = attempts
        self._since = since
        self._last: Entry | None = None

    async def follow(self) -> Batches:
        """Entries from number `since` on. A server that is away is waited for."""
        while True:
            try:
                async with aclosing(self._connection()) as batches:
                    async for batch in batches:
                        self._last = batch[-1]
                        yield batch
                trouble = _ended(self._client)
            except _NumberedAnew:
                self._attempts.tell("the server was started anew")
                self._last, self._since = None, 0
                continue
            except ClinvkError as error:
                trouble = str(error)
            await self._attempts.pause(trouble)

    async def _connection(self) -> Batches:
        since = self._last.seq if self._last else self._since
        async with self._client.open(_request("/api/v1/events", "text/event-stream", since)) as answer:
            self._attempts.connected()
            async with aclosing(_entries(self._client, answer, Sse(), self._attempts)) as batches:
                if self._last and (news := await self._first(batches, self._last)):
                    yield news
                async for batch in batches:
                    yield batch

    async def _first(self, batches: Batches, last: Entry) -> list[Entry]:
        """What is new in the first batch, which should begin with the entry that was last."""
        try:
            async with asyncio.timeout(_FIRST_SECS):
                batch = await anext(batches)
        except TimeoutError:
            raise _NumberedAnew from None
        except StopAsyncIteration:
            raise Unreachable(_ended(self._client)) from None
        if batch[0].seq != last.seq:  # counted from 0, or some were not kept: whoever reads sees it by the number
            return batch
        if batch[0].line != last.line:
            raise _NumberedAnew
        return batch[1:]


async def follow_run(client: Client, attempts: Attempts, run_id: str, since: int) -> Batches:
    """One run's events from number `since` to its end. Raises RunNotFound."""
    heard = False
    while True:
        try:
            async with aclosing(_events_of(client, attempts, run_id, since)) as batches:
                async for batch in batches:
                    since, heard = batch[-1].seq + 1, True
                    yield batch
                    if batch[-1].type == RunFinished.type:
                        return
            view = await client.ask(Request("GET", f"/api/v1/runs/{step(run_id)}"), RunView, of_run(run_id))
        except RunNotFound:
            raise
        except ClinvkError as error:
            await attempts.pause(str(error))
            continue
        if not view.state.ended:
            await attempts.pause(_ended(client))
        elif not heard or since < view.events:
            return
        else:  # the server died, and lost the last of what was seen: its end has a lower number
            since, heard = max(view.events - 1, 0), False


async def _events_of(client: Client, attempts: Attempts, run_id: str, since: int) -> Batches:
    request = _request(f"/api/v1/runs/{step(run_id)}/events", "application/x-ndjson", since)
    async with client.open(request, of_run(run_id)) as answer:
        attempts.connected()
        async with aclosing(_entries(client, answer, Ndjson(), attempts)) as batches:
            async for batch in batches:
                yield batch


async def _entries(client: Client, answer: httpx.Response, form: Form, attempts: Attempts) -> Batches:
    """What comes by one connection, in batches of whatever one read brings."""
    async for data in answer.aiter_raw():
        try:
            batch = form.feed(data)
        except (LineTooLong, *NOT_OURS) as error:
            raise client.unlike(error) from error
        attempts.heard()
        if batch:
            yield batch
            await asyncio.sleep(0)  # what has come already is read without waiting: others want their turn, too


def _request(path: str, media_type: str, since: int) -> Request:
    headers = {"Accept": media_type, "Last-Event-ID": str(since - 1)}
    return Request("GET", path, headers, patience=_SILENCE_SECS)


def _ended(client: Client) -> str:
    return f"{client.target.url} ended the stream"
