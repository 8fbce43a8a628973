"""The body of a request as it arrives: counted, kept up to a ceiling, read as JSON."""

from typing import Any, Final

from clinvk.api import jsontext
from clinvk.api.problems import Kind, Problem
from clinvk.domain.errors import Fault, InvalidInput
from clinvk.schemas import Checker

DISCARD_LIMIT: Final = 64 << 20
"""Bytes of a refused body that are taken all the same: a sender who is cut off never reads the answer."""

_WORTH_REREADING: Final = 1 << 20
"""Bytes of a body with faults up to which it is searched for more of another kind."""


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
    def is_empty(self) -> bool:
        """Nothing came."""
        return not self._size

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
        """The JSON it holds, checked. Raises InvalidInput with every fault."""
        data = b"".join(self._pieces)
        self.forget()
        value = jsontext.parse(data)
        faults = checker.faults(value)
        if not faults or len(data) <= _WORTH_REREADING:
            value, doubts = jsontext.reread(data)
            faults = _with_doubts(checker.faults(value), doubts) if doubts else faults
        if faults:
            raise InvalidInput(faults)
        return value


def _with_doubts(faults: list[Fault], doubts: jsontext.Doubts) -> list[Fault]:
    """One fault a place: that a field stands twice says most, that an integer is huge less than the schema."""
    twice = {doubt.path for doubt in doubts.twice}
    told = doubts.twice + [fault for fault in faults if fault.path not in twice]
    known = {fault.path for fault in told}
    return told + [doubt for doubt in doubts.huge if doubt.path not in known]
