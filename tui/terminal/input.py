"""Bytes that a terminal sends → Textual's messages, no faster than the application works them off."""

import asyncio
import codecs
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from textual import constants, events, widget, widgets
from textual._xterm_parser import BRACKETED_PASTE_END, XTermParser
from textual.message import Message

if TYPE_CHECKING:
    from textual.app import App

LARGEST_PASTE: Final = 256 << 10
"""Characters. A larger one is dropped whole."""
MOST_KEYS: Final = 256
"""Keys of one flood that act. A person is not that fast; where text is typed there is no such bound."""
LONGEST_LINE: Final = 4096
"""Characters of a paste that are passed on: it goes to fields of one line."""
_TICK_SECS: Final = constants.ESCAPE_DELAY + 0.01
_SLICE: Final = 256  # characters read at once, which takes about a millisecond
_MESSAGES: Final = 4  # passed on at once: the application works off all that it has without letting go of the loop
_REST_SECS: Final = 0.003
_RESTS: Final = 30  # an application that is never done gets more all the same, as slowly as that
_BURST: Final = 8  # characters: more at once are no typing


class Input:
    """Decodes keys, mouse, paste and reports as they come, in pieces of any size.

    Whoever feeds it waits until it is no longer `behind` before the next piece.
    """

    def __init__(
        self, app: "App[Any]", receive: Callable[[Message], None], caught_up: Callable[[], None] = lambda: None
    ) -> None:
        """`receive` gets each message for `app`, on the running loop; `caught_up` tells the end of `behind`."""
        self._app = app
        self._receive = receive
        self._caught_up = caught_up
        self._loop = asyncio.get_running_loop()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._parser = XTermParser()
        self._tick: asyncio.TimerHandle | None = None
        self._turn: asyncio.TimerHandle | None = None
        self._text = ""
        self._messages: deque[Message] = deque()
        self._keys = 0
        self._unread = 0
        self._skipping = False
        self._tail = ""

    @property
    def behind(self) -> bool:
        """Whether something that was fed is not passed on yet."""
        return bool(self._text or self._messages)

    def feed(self, data: bytes) -> None:
        """Take `data`. An escape that nothing follows soon is the key."""
        self._text += self._decode(data)
        if self._tick and self._text:  # something follows, however late it is read
            self._tick.cancel()
        if not self._turn:
            self._go_on()

    def close(self) -> None:
        """Wait for no more, and forget what was not passed on."""
        for timer in (self._tick, self._turn):
            if timer:
                timer.cancel()
        self._turn = None
        self._text = ""
        self._messages.clear()
        self._caught_up()

    def _go_on(self) -> None:
        """Pass a slice on, and rest."""
        self._turn = None
        if not self.behind:
            self._keys = 0
            return
        self._turn = self._loop.call_later(_REST_SECS, self._rested, 1)  # before what may close this
        if not self._messages:
            self._read()
        self._pass_on()
        self._tell()

    def _tell(self) -> None:
        if not self.behind:
            self._caught_up()

    def _rested(self, times: int) -> None:
        if times < _RESTS and _busy(self._app):
            self._turn = self._loop.call_later(_REST_SECS, self._rested, times + 1)
        else:
            self._go_on()

    def _lone_escape(self) -> None:
        self._messages.extend(self._parser.tick())
        if not self._turn:
            self._go_on()

    def _read(self) -> None:
        """Make messages of a slice."""
        if self._skipping:
            self._skip()
        text, self._text = self._text[:_SLICE], self._text[_SLICE:]
        if self._tick:
            self._tick.cancel()
        try:
            for message in self._parser.feed(text) if text else ():  # no text is the end, to the parser
                self._add(message)
        except (ValueError, OverflowError):  # of a key that there is not; its parser is not to be used again
            self._parser = XTermParser()
        self._unread = 0 if self._messages else self._unread + len(text)
        if self._unread > LARGEST_PASTE:
            self._parser = XTermParser()
            self._unread = 0
            self._skipping = True
        if not self._text:
            self._tick = self._loop.call_later(_TICK_SECS, self._lone_escape)

    def _skip(self) -> None:
        """Drop what is pasted, to its end: as keys it would do anything."""
        skipped, end, rest = (self._tail + self._text).partition(BRACKETED_PASTE_END)
        self._skipping = not end
        self._text = rest
        self._tail = "" if end else skipped[1 - len(BRACKETED_PASTE_END) :]

    def _add(self, message: Message) -> None:
        # The parser takes a report of the size in pixels for the wish to have the mouse in pixels too.
        self._parser.mouse_pixels = False
        last = self._messages[-1] if self._messages else None
        if isinstance(message, events.MouseMove) and isinstance(last, events.MouseMove):
            self._messages.pop()  # only where it came to counts
        if isinstance(message, events.Paste):
            message = events.Paste(message.text[:LONGEST_LINE])
        self._messages.append(message)

    def _pass_on(self) -> None:
        """One key at a time: it may decide who gets the next one. What is typed into a field goes in faster."""
        waiting = self._messages
        typing = isinstance(_focused(self._app), widgets.Input)
        if typing and len(burst := list(takewhile(str.isprintable, map(_character, waiting)))) > _BURST:
            for _ in burst:
                waiting.popleft()
            self._receive(events.Paste("".join(burst)))
            return
        for _ in range(_MESSAGES):
            while self._keys >= MOST_KEYS and waiting and isinstance(waiting[0], events.Key):
                waiting.popleft()
            if not waiting:
                return
            is_key = isinstance(waiting[0], events.Key)
            self._keys += is_key
            self._receive(waiting.popleft())
            if is_key and not typing:
                return


def _character(message: Message) -> str:
    """What it types, or a control character."""
    return message.character or "\0" if isinstance(message, events.Key) else "\0"


def _focused(app: "App[Any]") -> widget.Widget | None:
    return app.screen_stack[-1].focused if app.screen_stack else None


def _busy(app: "App[Any]") -> bool:
    """Whether it has not worked off all that it got."""
    pumps = [app, *app.screen_stack[-1:], _focused(app)]
    return any(pump.message_queue_size for pump in pumps if pump)
