"""JSON lines, as CLIs write them: a line becomes a message, or a notice. Nothing in it can raise."""

import json
import math
import re
from typing import Any, Final

import orjson

from clinvk.domain.events import Notice

NOTICE_CHARS: Final = 200
"""How much of a line that nobody understands is told."""

Message = dict[str, Any]

_COUNT_LIMIT: Final = 1 << 53  # what every reader of JSON can count to
_LONE_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class Malformed(Exception):
    """A message that lacks a field, or whose field is of the wrong type."""


def parse(line: bytes) -> Message | None:
    """The JSON object that `line` holds, free of lone surrogates; None where it holds no object."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _parse_leniently(line)
    return value if isinstance(value, dict) else None


def _parse_leniently(line: bytes) -> object:
    """What orjson refuses: invalid UTF-8 is replaced, and lone surrogates, which no UTF-8 could carry."""
    try:
        value = json.loads(line.decode(errors="replace"))
        return orjson.loads(_LONE_SURROGATES.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None


def encode(message: Message) -> bytes:
    """A line to write. Never fails on text: what UTF-8 could not carry is escaped."""
    return json.dumps(message).encode() + b"\n"


def unknown(line: bytes) -> Notice:
    """What to say of a line that nobody understands."""
    # A character takes four bytes at most, so that a line of megabytes need not be decoded whole.
    return Notice(f"The CLI wrote: {line[: 4 * NOTICE_CHARS].decode(errors='replace')[:NOTICE_CHARS]}")


def text(message: Message, name: str) -> str:
    """The string `name` of `message`. Raises Malformed."""
    value = message.get(name)
    if not isinstance(value, str):
        raise Malformed(name)
    return value


def count(message: Message, name: str) -> int:
    """The number `name` of `message`, 0 where it is absent. Raises Malformed."""
    value = message.get(name, 0)
    if type(value) is not int or not 0 <= value <= _COUNT_LIMIT:  # a bool is an int too
        raise Malformed(name)
    return value


def amount(value: object) -> float | None:
    """A number of no less than 0, such as seconds; None where `value` is anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None


def as_text(value: object) -> str | None:
    """A value of any type as text: a string as it is, None for null, the rest as JSON. Raises Malformed."""
    if value is None or isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # it reads deeper nesting than it writes
        raise Malformed("nested too deeply") from None
