"""Saying the answer to an ask: whole or streamed, at the pace and with the failure that its directives want."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tests.modelstub.ask import Ask
from tests.modelstub.refusal import Refusal
from tests.modelstub.wire import Connection, Event, HangUp, Request, Whole


class Dialect(Protocol):
    """One provider's API, as a module. `number` is that of the request: ids are made of it."""

    def read(self, request: Request) -> Ask:
        """What the request asks; ValueError and its like where it is not of this API."""

    def whole(self, ask: Ask, number: int) -> Whole:
        """The answer in one piece."""

    def events(self, ask: Ask, number: int) -> Iterator[Event]:
        """The answer as a stream."""

    def broken(self, ask: Ask, number: int) -> Event:
        """How a stream says that it fails."""

    def refuse(self, refusal: Refusal) -> Whole:
        """A refusal in this provider's words."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One ask to be answered, on one connection."""

    dialect: Dialect
    ask: Ask
    number: int
    connection: Connection
    go: asyncio.Semaphore
    """Released for each piece that is asked for, where the directives want that."""

    async def perform(self, error: str) -> None:
        """Answer; `error` is empty, or one that is no status. Raises HangUp where no end shall be heard."""
        match error:
            case "drop":
                raise HangUp
            case "hang":
                await self._be_silent()
            case "garbage":
                await self.connection.whole(Whole(200, b"<html>not the protocol</html>"))
                return
        await asyncio.sleep(self.ask.directives.ttft)
        if self.ask.stream:
            await self._stream(error)
        else:
            await self.connection.whole(self.dialect.whole(self.ask, self.number))

    async def _stream(self, error: str) -> None:
        await self.connection.open_stream()
        for event in self.dialect.events(self.ask, self.number):
            if event.piece:
                await self._between_pieces(error)
            await self.connection.event(event)
            if event.piece == 0 and error == "stream":
                await self.connection.event(self.dialect.broken(self.ask, self.number))
                break
        await self.connection.close_stream()

    async def _between_pieces(self, error: str) -> None:
        match error:
            case "dropmid":
                raise HangUp
            case "hangmid":
                await self._be_silent()
        if self.ask.directives.step:
            await self.go.acquire()
        await asyncio.sleep(self.ask.directives.delay)

    async def _be_silent(self) -> None:
        await self.connection.client_gone()
        raise HangUp
