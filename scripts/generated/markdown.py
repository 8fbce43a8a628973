"""Pieces of the reference pages: tables, and what a schema says in words."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

GENERATED = "Written by `scripts/generate` from the code and the schemas: change those, not this page."

Document = Mapping[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing where there are no rows."""
    lines = [_row(row) for row in rows]
    return "\n".join([_row(head), "|" + "---|" * len(head), *lines]) + "\n" if lines else ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def joined(parts: Iterable[str]) -> str:
    """A page of its parts, those that say nothing left out."""
    return "\n".join(part for part in parts if part)


def example(value: object) -> str:
    """`value` as a block of JSON."""
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"


def code(value: object) -> str:
    """`value` as JSON, set as code; text without its quotes."""
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value, ensure_ascii=False)}`"


def kind(part: Document) -> str:
    """What a value by `part` is, and within what bounds."""
    if "const" in part:
        return code(part["const"])
    if "enum" in part:
        return "one of " + ", ".join(code(option) for option in part["enum"])
    names = part.get("type", "any value")
    told = " or ".join(_NAMES.get(name, name) for name in ([names] if isinstance(names, str) else names))
    return ", ".join([told, *_bounds(part)]) + _held(part)


_NAMES = {"string": "text", "array": "list"}


def _held(part: Document) -> str:
    """What a list holds, or an object that may have any names."""
    if "items" in part:
        return f": {kind(part['items'])}" if "properties" not in part["items"] else " of objects"
    of_any_name = [*part.get("patternProperties", {}).values(), part.get("additionalProperties")]
    held = next((each for each in of_any_name if isinstance(each, Mapping)), None)
    return f": {kind(held)}, by name" if held and "properties" not in held else ""


_BOUNDS = {
    "exclusiveMinimum": "more than {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} entries",
}


def _bounds(part: Document) -> Iterator[str]:
    if "minimum" in part and "maximum" in part:
        yield f"{part['minimum']:,} to {part['maximum']:,}"
        part = {key: rule for key, rule in part.items() if key not in {"minimum", "maximum"}}
    if part.get("minLength") == 1:
        yield "not empty"
    for keyword, words in _BOUNDS.items():
        if keyword in part and (keyword, part[keyword]) != ("minLength", 1):
            yield words.format(f"{part[keyword]:,}")
    if part.get("pattern") == "^/":
        yield "an absolute path"
    if part.get("format") == "date-time":
        yield "RFC 3339"
