"""JSON text → value: by the letter, and stricter where two readers would take the same text for two things."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import orjson

from clinvk.domain.errors import Fault, InvalidInput
from clinvk.schemas import words
from clinvk.schemas.checker import TOLD

DEPTH: Final = 64
"""Lists and objects that may stand in one another."""

_JSON: Final = "one JSON object in UTF-8"
_LEAST, _MOST = -(2**63), 2**64 - 1


def parse(data: bytes) -> Any:
    """The value. Raises InvalidInput: what is no JSON has one fault, and it is told first."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _not_json(_why(data, error)) from None
    if _is_deeper(value, DEPTH):
        raise _not_json(f"is nested deeper than {DEPTH} levels")
    return value


def reread(data: bytes) -> tuple[Any, list[Fault]]:
    """The value of JSON that `parse` took, as it was meant, and what is doubtful about it.

    orjson keeps the last of two fields with one name, makes a float of an integer that is too long for it, and
    leaves 5.0 a float, which is an integer to a schema and none to the CLI that is given it. Of many doubts the
    first are told.
    """
    doubts = _Doubts()
    value = json.loads(data, object_pairs_hook=doubts.of_object, parse_int=doubts.of_int, parse_float=_number)
    return value, list(islice(_found(value, ""), TOLD)) if doubts.any else []


class _Twice(dict[str, Any]):
    """An object with a field that stands in it twice."""

    names: list[str]


class _Huge(int):
    """An integer beyond 64 bits."""


class _Doubts:
    """Marks what is doubtful while it is read: only then is it seen, and only later known where it stands."""

    def __init__(self) -> None:
        self.any = False

    def of_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self.any = True
        marked = _Twice(found)
        marked.names = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        return marked

    def of_int(self, digits: str) -> int:
        number = int(digits)
        if _LEAST <= number <= _MOST:
            return number
        self.any = True
        return _Huge(number)


def _number(text: str) -> float:
    """5.0 is 5, as far as floats tell integers apart."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _found(value: Any, path: str) -> Iterator[Fault]:
    if isinstance(value, _Huge):
        yield Fault(path, f"{words.shown(value)} is an integer beyond 64 bits", f"{_LEAST} to {_MOST}")
    if isinstance(value, _Twice):
        for name in value.names:
            yield Fault(path + words.step(name), "stands in its object more than once", "each field once")
    if isinstance(value, dict | list):
        places: Iterable[tuple[str | int, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        for place, each in places:
            yield from _found(each, path + words.step(place))


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return False
        level = [each for held in level for each in (held.values() if isinstance(held, dict) else held)]
    return True


def _not_json(why: str) -> InvalidInput:
    return InvalidInput([Fault("", why, _JSON)])


def _why(data: bytes, error: orjson.JSONDecodeError) -> str:
    """What is wrong with `data`, in our words where the library's are for those who know it."""
    if not data.strip(b" \t\r\n"):
        return "is empty"
    if data.startswith(b"\xef\xbb\xbf"):
        return "is not JSON: it begins with a byte order mark"
    try:
        text = data.decode()
    except UnicodeDecodeError as undecodable:
        return f"is not JSON: byte {undecodable.start} is not UTF-8"
    if "depth" in error.msg:
        return f"is nested deeper than {DEPTH} levels"
    return f"is not JSON: {_at(text, error)} at line {error.lineno}, column {error.colno}"


def _at(text: str, error: orjson.JSONDecodeError) -> str:
    word = re.match("NaN|Infinity", text[error.pos : error.pos + 8])
    if word:
        return f"{word[0]}, which is no number,"
    return "a number beyond what a double can hold" if "infinity" in error.msg else error.msg
