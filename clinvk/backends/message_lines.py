"""JSON messages in lines, both ways: what the dialogues of all CLIs are put on."""

from collections.abc import Callable
from typing import Final

from clinvk.backends import json_lines
from clinvk.backends.base import Outgoing, Said
from clinvk.backends.json_lines import Message
from clinvk.backends.lines import LineBuffer

_NOTHING: Final = Outgoing(b"")


class MessageLines:
    """One child's lines, sans-io. `heard(message, line)` says what a message means; any other line is a notice."""

    def __init__(self, heard: Callable[[Message, bytes], list[Said]]) -> None:
        self._heard = heard
        self._lines = LineBuffer()
        self._outbox: list[bytes] = []

    def send(self, message: Message) -> None:
        self._outbox.append(json_lines.encode(message))

    def receive(self, data: bytes) -> list[Said]:
        """What these bytes say. Raises LineTooLong."""
        said: list[Said] = []
        for line in self._lines.feed(data):
            said += self._line(line)
        return said

    def rest(self) -> list[Said]:
        """What the unfinished last line says."""
        return self._line(self._lines.rest())

    def outgoing(self) -> Outgoing:
        if not self._outbox:
            return _NOTHING
        data, self._outbox = b"".join(self._outbox), []
        return Outgoing(data)

    def _line(self, line: bytes) -> list[Said]:
        """What one line says; a blank one says nothing."""
        message = json_lines.parse(line)
        if message is None:
            return [Said(None, json_lines.unknown(line))] if line.strip() else []
        return self._heard(message, line)
