"""The body of a request as it arrives: counted, kept up to a ceiling, read as JSON."""

from typing import Any, Final

import orjson

from clinvk.api import problems
from clinvk.api.problems import Kind, Problem
from clinvk.domain.errors import InvalidInput
from clinvk.schemas import Checker

DISCARD_LIMIT: Final = 64 << 20
"""Bytes of a refused body that are taken all the same: a sender who is cut off never reads the answer."""


class Body:
    """Takes pieces, keeps them while they are within `ceiling` bytes."""

    def __init__(self, ceiling: int) -> None:
        self._ceiling = ceiling
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._ceiling:
            self._pieces.append(piece)
        else:
            self.forget()

    def forget(self) -> None:
        """Keep nothing of what came."""
        self._pieces.clear()

    @property
    def too_large(self) -> bool:
        return self._size > self._ceiling

    @property
    def endless(self) -> bool:
        """It is not worth being read to its end."""
        return self._size > DISCARD_LIMIT

    def excess(self) -> Problem:
        """What to say of a body that is too large."""
        return Problem(
            Kind.TOO_LARGE, f"The body is larger than {self._ceiling} bytes (server.max_request_body_bytes)"
        )

    def value(self, checker: Checker) -> Any:
        """The JSON it holds, checked. Raises Problem or InvalidInput."""
        try:
            value = orjson.loads(b"".join(self._pieces))
        except orjson.JSONDecodeError as error:
            raise problems.invalid("", f"is not JSON: {error}", "one JSON object in UTF-8") from None
        finally:
            self.forget()
        faults = checker.faults(value)
        if faults:
            raise InvalidInput(faults)
        return value
