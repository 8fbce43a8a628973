"""What is wrong with a value, in words. Bounded: whatever was sent, little is said of it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

from clinvk.domain.errors import Fault

ANY: Final = "a value that the schema allows"

_NAME: Final = 100
_TEXT: Final = 40
_SHOWN: Final = 60
# Keys and tokens, by their beginnings or their looks. What is shown here goes into answers, logs and bug reports.
_SECRET: Final = re.compile(r"(sk-|AIza|gh[oprsu]_|Bearer )\S|(?=.*[0-9])(?=.*[A-Za-z])[\w.+=-]{32,}$")


def step(name: str | int) -> str:
    """One step of a JSON pointer, RFC 6901: a name may itself hold a slash. A name without end is cut."""
    text = str(name)
    return "/" + (text if len(text) <= _NAME else text[:_NAME] + "…").replace("~", "~0").replace("/", "~1")


def missing(path: str, name: str) -> Fault:
    """A required field is not there."""
    return Fault(path + step(name), "is missing", "a value: the field is required")


def unknown(path: str, name: str, known: list[str]) -> Fault:
    """A field that nobody reads."""
    near = _nearest(name, known)
    listed = f": {', '.join(known)}" if known else ""
    expected = f"perhaps '{near}'" if near else f"a field of the schema{listed}"
    return Fault(path + step(name), "is not a known field", expected)


def of_wrong_type(path: str, value: object, types: Iterable[str]) -> Fault:
    """A value of none of these types."""
    return Fault(path, f"{shown(value)} has the wrong type", _one_of_types(dict.fromkeys(types)))


def of_no_option(path: str, name: str, sent: Mapping[str, Any], options: list[Any]) -> Fault:
    """The field that tells which kind of object is meant is not there, or says none."""
    said = f"{shown(sent[name])} is not one of the values allowed" if name in sent else "is missing"
    return Fault(path + step(name), said, _one_of(options, sent.get(name)))


def broken(path: str, rule: str, limit: Any, value: object) -> Fault:
    """A value that breaks a rule, a keyword of the schema that says `limit`."""
    expected = _EXPECTED[rule](limit, value) if rule in _EXPECTED else ANY
    return Fault(path, f"{shown(value)} {_WRONG.get(rule, 'is not allowed')}", expected)


def of_name(fault: Fault) -> Fault:
    """`fault` of a name, told of the field that has it."""
    return Fault(fault.path, f"has a name that is not allowed: {fault.message}", fault.expected)


def shown(value: object) -> str:
    """`value` as JSON, its beginning only; of what looks like a secret hardly anything."""
    text = json.dumps(_cut(value), ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _cut(value: object, depth: int = 0) -> object:
    """As much of `value` as could be shown."""
    if isinstance(value, str):
        if _SECRET.match(value[:_NAME]):
            return value[:4] + "…"
        return value if len(value) <= _TEXT else value[:_TEXT] + "…"
    if isinstance(value, list | dict) and depth > 1:
        return "…"
    if isinstance(value, list):
        return [_cut(each, depth + 1) for each in value[:_SHOWN]]
    if isinstance(value, dict):
        return {name[:_TEXT]: _cut(each, depth + 1) for name, each in islice(value.items(), _SHOWN)}
    return value


def _one_of(options: list[Any], value: object) -> str:
    listed = ", ".join(json.dumps(option) for option in options)
    near = _nearest(value, [option for option in options if isinstance(option, str)])
    return (f'perhaps "{near}": ' if near else "") + (f"one of {listed}" if len(options) > 1 else listed)


def _one_of_types(names: Iterable[str]) -> str:
    return " or ".join(
        name if name == "null" else f"{'an' if name[0] in 'aeio' else 'a'} {name}" for name in names
    )


def _nearest(word: object, known: list[str]) -> str | None:
    """What `word` may have been meant to be, whatever its case."""
    if not isinstance(word, str) or len(word) > _NAME:
        return None
    folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), folded, n=1)
    return folded[near[0]] if near else None


_FORMS: Final = {
    "^/": "an absolute path",
    r"^[^\u0000]*$": "text without NUL characters",
    "^[!-~]{1,255}$": "1 to 255 visible ASCII characters",
}

_EXPECTED: Final[Mapping[str, Callable[[Any, object], str]]] = {
    "type": lambda names, _: _one_of_types([names] if isinstance(names, str) else names),
    "enum": _one_of,
    "const": lambda only, _: json.dumps(only),
    "not": lambda refused, _: f"no such field: {refused['description']}",
    "minimum": lambda limit, _: f"at least {limit}",
    "maximum": lambda limit, _: f"at most {limit}",
    "exclusiveMinimum": lambda limit, _: f"more than {limit}",
    "minLength": lambda limit, _: "some text" if limit == 1 else f"at least {limit} characters",
    "maxLength": lambda limit, _: f"at most {limit} characters",
    "minItems": lambda limit, _: "some" if limit == 1 else f"at least {limit} items",
    "maxItems": lambda limit, _: f"at most {limit} items",
    "uniqueItems": lambda *_: "each item once",
    "minProperties": lambda limit, _: f"at least {limit} entries",
    "maxProperties": lambda limit, _: f"at most {limit} entries",
    "pattern": lambda pattern, _: _FORMS.get(pattern, f"text that matches {pattern}"),
}

_WRONG: Final = {
    "type": "has the wrong type",
    "enum": "is not one of the values allowed",
    "not": "is refused",
    "minimum": "is too small",
    "exclusiveMinimum": "is too small",
    "maximum": "is too large",
    "minLength": "is too short",
    "maxLength": "is too long",
    "minItems": "has too few items",
    "maxItems": "has too many items",
    "uniqueItems": "has an item twice",
    "minProperties": "has too few entries",
    "maxProperties": "has too many entries",
    "pattern": "has the wrong form",
}
