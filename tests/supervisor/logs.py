"""Logs that are filled, and read to their end."""

import asyncio

from clinvk.domain.events import TextDelta

LABELS = {"run_id": "run_1", "backend": "fake"}


def fill(log, count, text="word"):
    for number in range(count):
        log.append(TextDelta("1", f"{text}{number}"))


async def everything(log, since=0):
    async with asyncio.timeout(20):
        return [entry async for batch in log.follow(since) for entry in batch]
