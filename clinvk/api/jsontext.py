"""JSON text → value: by the letter, and stricter where two readers would take the same text for two things."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import orjson

from clinvk.domain.errors import Fault, InvalidInput
from clinvk.schemas import words
from clinvk.schemas.checker import TOLD

DEPTH: Final = 64
"""Lists and objects that may stand in one another."""

VALUES: Final = 100_000
"""Values that a text may hold, lists and objects among them: what is large is a long string, not many things."""

_JSON: Final = "one JSON object in UTF-8"
_LEAST, _MOST = -(2**63), 2**64 - 1


def parse(data: bytes) -> Any:
    """The value. Raises InvalidInput: what is no JSON has one fault, and it is told first.

    Many values are dear to read, and dearer to judge; so they are counted in the text.
    """
    if _holds_more(data, VALUES):
        raise InvalidInput([Fault("", f"holds more than {VALUES:,} values", f"at most {VALUES:,}")])
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _not_json(_why(data, error)) from None
    if _is_deeper(value, DEPTH):
        raise _not_json(f"is nested deeper than {DEPTH} levels")
    return value


@dataclass(frozen=True)
class Doubts:
    """What is doubtful about a text. Of many the first are kept."""

    twice: list[Fault]
    """Fields that stand in their object more than once."""
    huge: list[Fault]
    """Integers beyond 64 bits. A schema may have more to say of them."""

    def __bool__(self) -> bool:
        return bool(self.twice or self.huge)


def reread(data: bytes) -> tuple[Any, Doubts]:
    """The value of JSON that `parse` took, as it was meant, and what is doubtful about it.

    orjson keeps the last of two fields with one name, makes a float of an integer that is too long for it, and
    leaves 5.0 a float, which is an integer to a schema and none to the CLI that is given it.
    """
    marks = _Marks()
    value = json.loads(data, object_pairs_hook=marks.of_object, parse_int=marks.of_int, parse_float=_number)
    twice, huge = marks.twice, marks.huge
    return value, Doubts(
        list(islice(_found(value, "", lambda at, path: _repeated(twice, at, path)), TOLD)) if twice else [],
        list(islice(_found(value, "", lambda at, path: _beyond(huge, at, path)), TOLD)) if huge else [],
    )


class _Marks:
    """Marks what is doubtful while it is read: only then is it seen, and only later known where it stands.

    By identity, so that the value stays one of plain JSON; the marked are held, so that no other takes their id.
    """

    def __init__(self) -> None:
        self.twice: dict[int, tuple[Any, list[tuple[str, Any]]]] = {}
        self.huge: dict[int, int] = {}

    def of_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self.twice[id(found)] = found, pairs
        return found

    def of_int(self, digits: str) -> int:
        number = int(digits)
        if not _LEAST <= number <= _MOST:
            self.huge[id(number)] = number
        return number


def _repeated(twice: Mapping[int, tuple[Any, list[tuple[str, Any]]]], value: Any, path: str) -> Iterator[Fault]:
    pairs = twice[id(value)][1] if id(value) in twice else ()
    for name, times in Counter(name for name, _ in pairs).items():
        if times > 1:
            yield Fault(path + words.step(name), "stands in its object more than once", "each field once")


def _beyond(huge: Mapping[int, int], value: Any, path: str) -> Iterator[Fault]:
    if id(value) in huge:
        yield Fault(path, f"{words.shown(value)} is an integer beyond 64 bits", f"{_LEAST} to {_MOST}")


def _number(text: str) -> float:
    """5.0 is 5, as far as floats tell integers apart."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _found(value: Any, path: str, look: Callable[[Any, str], Iterator[Fault]]) -> Iterator[Fault]:
    """What `look` finds in `value` and all that is in it."""
    yield from look(value, path)
    if isinstance(value, dict | list):
        places: Iterable[tuple[str | int, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        for place, each in places:
            yield from _found(each, path + words.step(place), look)


def _holds_more(data: bytes, limit: int) -> bool:
    """Does `data`, if it is JSON, hold more than `limit` values? Told without reading it: these are passes in C.

    Each value but the outermost stands behind a comma, or first in its list or object. Such bytes count for
    nothing in a string; so only where there are many of them are the strings taken out.
    """
    if len(data) <= limit or _places(data) < limit:
        return False
    plain = data.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * limit:  # two for a name, two for its value
        return True
    outline = b'"'.join(plain.split(b'"')[::2]).translate(None, b" \t\r\n")
    return _places(outline) - outline.count(b"[]") - outline.count(b"{}") >= limit


def _places(data: bytes) -> int:
    return sum(map(data.count, (b",", b"[", b"{")))


def _is_deeper(value: Any, limit: int) -> bool:
    """The levels are walked one by one; there are no more values in them than `parse` lets pass."""
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
