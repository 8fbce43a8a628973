"""Bytes become keys, whatever else the application has to do meanwhile."""

import asyncio
from types import SimpleNamespace

from textual import constants

from tests.tui.conftest import DEADLINE
from tui.terminal import input as module
from tui.terminal.input import Input


async def test_an_escape_that_something_follows_is_no_key_however_late_both_are_heard_of(monkeypatch):
    monkeypatch.setattr(constants, "ESCAPE_DELAY", 0.0)
    monkeypatch.setattr(module, "_TICK_SECS", 0.0)  # over when the loop comes to look, as if it had been held
    keys = []
    app = SimpleNamespace(message_queue_size=1, screen_stack=[])
    typed = Input(app, lambda message: keys.append(message.key))
    typed.feed(b"\x1b")
    typed.feed(b"[A")
    async with asyncio.timeout(DEADLINE):
        while not keys:
            await asyncio.sleep(0)
    typed.close()
    assert keys == ["up"]
