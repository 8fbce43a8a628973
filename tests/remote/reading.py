"""Streams of events, read as a test needs them."""

import asyncio

from tests.api.client import DEADLINE


class Reader:
    """The entries of a stream, one by one, in the order they came."""

    def __init__(self, stream):
        self.stream = stream
        self.seen = []

    async def take(self, count):
        """The next `count` entries, and those that came with the last of them."""
        before = len(self.seen)
        async with asyncio.timeout(DEADLINE):
            while len(self.seen) < before + count:
                self.seen += await anext(self.stream)
        return self.seen[before:]

    async def all(self):
        """Every entry to the end of the stream."""
        async with asyncio.timeout(DEADLINE):
            async for batch in self.stream:
                self.seen += batch
        return self.seen

    async def close(self):
        await self.stream.aclose()
