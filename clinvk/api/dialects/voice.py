"""What a dialect makes of a run: the one seam between what is said and how it stands on the wire."""

from collections.abc import Iterable
from typing import Any, Protocol

from clinvk.api.dialects.speech import Piece, Speech
from clinvk.api.problems import Problem

PING = b": ping\n\n"
"""A comment: it keeps a stream alive, and every client passes it over."""


class Voice(Protocol):
    """Tells one run, whole or as a stream of server-sent events. Pure, and good for one answer."""

    def open(self) -> bytes:
        """What a stream begins with, before anything was said."""
        ...

    def say(self, pieces: list[Piece]) -> bytes:
        """The next pieces, each an event of its own."""
        ...

    def close(self, speech: Speech) -> Iterable[bytes]:
        """The end of a stream whose run did well, in as many pieces as it is worth."""
        ...

    def fail(self, problem: Problem, request_id: str) -> bytes:
        """The end of a stream whose run failed after its head was out."""
        ...

    def whole(self, speech: Speech) -> dict[str, Any]:
        """The answer that is no stream, of a run that did well."""
        ...
