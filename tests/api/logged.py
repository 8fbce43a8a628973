"""What a server logs, waited for."""

import asyncio
import logging

from tests.api.client import DEADLINE


class Log(logging.Handler):
    """What the server logs, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self._told = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self._told.set()

    async def first(self, logger: str, message: str | None = None) -> logging.LogRecord:
        """The first line of `logger`, or the first that says `message`."""
        async with asyncio.timeout(DEADLINE):
            while True:
                self._told.clear()
                for record in self.records:
                    if record.name == logger and message in (None, record.getMessage()):
                        return record
                await self._told.wait()
