"""What is wrong with a configuration, in words for the one who wrote it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from clinvk.domain.errors import ClinvkError, Fault
from clinvk.schemas import Checker, Document, words
from clinvk.settings.keys import Keys, Steps

_LONGEST: Final = 60
_CLASSES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_WORDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list, such as [a, b]",
    "object": "a section of keys",
}


class BadSettings(ClinvkError):
    """The configuration cannot be used; the message names every fault, a line each."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, from 1 on, as editors count."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """One fault: of which key, what it is, and what would be right; whether the key itself is, not its value."""

    steps: Steps
    message: str
    expected: str
    place: Place | None = None
    of_key: bool = False

    def told(self, source: str) -> str:
        """As one line: `source:line:column: key message; expected …`."""
        where = f"{source}:{self.place.line}:{self.place.column}" if self.place else source
        key = ".".join(map(_cut, self.steps)) or "the file"
        return f"{where}: {key if key.isprintable() else json.dumps(key)} {self.message}; expected {self.expected}"


def of_whole(keys: Keys, whole: object, written: Mapping[Steps, str]) -> Iterator[Wrong]:
    """Every fault of a whole configuration, one for each key; `written` is what its values look like."""
    told: set[Steps] = set()
    for fault in keys.checker.faults(whole):
        steps = _steps(fault, whole)
        if steps in told:
            continue
        told.add(steps)
        part = keys.at(steps)
        if part is None:
            yield Wrong(steps, "is not a known key", keys.nearest(steps), of_key=True)
        else:
            message, expected = _explained(part, _at(whole, steps), fault, written.get(steps))
            yield Wrong(steps, message, expected)


def of_one(keys: Keys, steps: Steps, value: object, name: str) -> Iterator[Wrong]:
    """The fault of a value that does not come from a file, but from what is called `name`; of the key `steps`."""
    part = keys.at(steps) or {}
    for fault in Checker(part).faults(value)[:1]:
        yield Wrong((name,), *_explained(part, value, fault, None))


def nearest(name: str, known: Iterable[str]) -> str:
    """Which of `known` was perhaps meant by `name`, or all of them."""
    known = list(known)
    near = get_close_matches(name, known, n=1)
    return f"perhaps '{near[0]}'" if near else f"one of {', '.join(known)}"


def _explained(part: Document, value: object, fault: Fault, written: str | None) -> tuple[str, str]:
    """What is wrong, and what would be right; of a secret only that."""
    secret, options, kind = bool(part.get("writeOnly")), part.get("enum"), part["type"]
    wanted = f"one of {', '.join(options)}" if options else _form(part, value) or fault.expected
    if value is None:
        return "has no value", wanted if options else _WORDS[kind]
    if not _is(kind, value):
        return f"is {_described(value, secret=secret)}", wanted if options else _converted(
            kind, value, written, secret
        )
    if options:
        return f"{shown(value)} is none of its values", wanted
    return ("has the wrong form" if secret else fault.message), wanted


def _form(part: Document, value: object) -> str | None:
    """What the schema calls the form that `value` does not have."""
    wrong = isinstance(value, str) and not re.search(part.get("pattern", ""), value)
    return part.get("x-expected") if wrong else None


def _is(kind: str, value: object) -> bool:
    return isinstance(value, _CLASSES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _described(value: object, *, secret: bool) -> str:
    """A value by what YAML takes it for."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a section"
    if isinstance(value, bool):
        return "true or false" if secret else shown(value)
    kind = "text" if isinstance(value, str) else "a number"
    return kind if secret else f"{kind}, {shown(value)}"


def _converted(kind: str, value: object, written: str | None, secret: bool) -> str:
    """What the same should look like to be of this kind."""
    if kind != "string" or isinstance(value, list | dict):
        return _WORDS[kind]
    return "text, so put it into quotes" + (f": {shown(written)}" if written and not secret else "")


def shown(value: object) -> str:
    """A value as one would write it, not too much of it."""
    text = json.dumps(value, ensure_ascii=False)
    return _cut(text if text.isprintable() else json.dumps(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _steps(fault: Fault, whole: Any) -> Steps:
    """The keys on the way to a fault of `whole`: its path has long ones cut."""
    steps: list[str] = []
    for step in fault.path.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(whole, dict) and name not in whole:
            name = next((key for key in whole if words.step(key) == f"/{step}"), name)
        steps.append(name)
        if isinstance(whole, list):
            whole = whole[int(name)]
        else:
            whole = whole.get(name) if isinstance(whole, dict) else None
    return tuple(steps)


def _at(whole: Any, steps: Steps) -> object:
    for step in steps:
        whole = whole[int(step)] if isinstance(whole, list) else whole[step]
    return whole
