"""Bytes that a terminal sends → Textual's messages."""

import asyncio
import codecs
from collections.abc import Callable, Iterable

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.message import Message

_TICK_SECS = constants.ESCAPE_DELAY + 0.01


class Input:
    """Decodes keys, mouse, paste and reports as they come, in pieces of any size."""

    def __init__(self, receive: Callable[[Message], None]) -> None:
        """`receive` gets each message, on the running loop."""
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._parser = XTermParser()
        self._tick: asyncio.TimerHandle | None = None

    def feed(self, data: bytes) -> None:
        """Take `data`. An escape that nothing follows soon is the key."""
        if text := self._decode(data):
            self._pass_on(self._parser.feed(text))
            self.close()
            self._tick = self._loop.call_later(_TICK_SECS, self._lone_escape)

    def close(self) -> None:
        """Wait for no more."""
        if self._tick:
            self._tick.cancel()

    def _lone_escape(self) -> None:
        self._pass_on(self._parser.tick())

    def _pass_on(self, messages: Iterable[Message]) -> None:
        moved: Message | None = None
        for message in messages:
            if moved and not isinstance(message, events.MouseMove):
                self._receive(moved)
            moved = message if isinstance(message, events.MouseMove) else None  # only where it came to counts
            # The parser takes a report of the size in pixels for the wish to have the mouse in pixels too.
            self._parser.mouse_pixels = False
            if moved is None:
                self._receive(message)
        if moved:
            self._receive(moved)
