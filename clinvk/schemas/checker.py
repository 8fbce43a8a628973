"""One compiled schema: is a value right, and if not, what is wrong with it, where, and what would be right?"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

import jsonschema_rs

from clinvk.domain.errors import Fault
from clinvk.schemas import words

Document = Mapping[str, Any]
Held = tuple[str | int, Any]
"""What is in a list or an object, behind its place or name."""

TOLD: Final = 50
"""How many faults of one value are told; of the others only how many they are."""
_COUNTED: Final = 200
_JUDGED_AT_ONCE: Final = 64

# Keywords that look into a value or put a schema together from others. The rest is about the value alone.
_INTO: Final = frozenset(
    (
        *("properties", "patternProperties", "additionalProperties", "propertyNames", "required"),
        *("items", "allOf", "oneOf"),
    )
)


class Checker:
    """One schema without references, compiled.

    The library gives the verdict. Why it is so we look for ourselves, where it says that something is wrong and
    until there is enough to tell: it would list every fault, which takes seconds for a body made of them. Of what
    has too many items or entries, the first that are allowed are looked at; of much that is right, many at once.
    """

    def __init__(self, schema: Document) -> None:
        self._schema = schema
        self._compiled: dict[int, jsonschema_rs.Draft202012Validator] = {}
        self._leaves: dict[int, Document] = {}
        self._lists: dict[int, Document] = {}
        self._validator = self._judge(schema)

    def faults(self, value: object) -> list[Fault]:
        """Nothing where `value` is right; else up to TOLD faults, and one that says how many more there are."""
        if self._validator.is_valid(value):
            return []
        found = list(islice(self._search(self._schema, value, ""), _COUNTED + 1))
        more = min(len(found), _COUNTED) - TOLD
        if more <= 0:
            return found
        at_least = "at least " if len(found) > _COUNTED else ""
        return [*found[:TOLD], Fault("", f"has {at_least}{more} more faults", words.ANY)]

    def _judge(self, part: Any) -> jsonschema_rs.Draft202012Validator:
        """The compiled `part`, which must live as long as we do."""
        if id(part) not in self._compiled:
            self._compiled[id(part)] = jsonschema_rs.Draft202012Validator(part, offline=True)
        return self._compiled[id(part)]

    def _search(self, part: Any, value: Any, path: str) -> Iterator[Fault]:
        """What is wrong with `value` by `part` of the schema, if anything is; what is nearest comes first."""
        if self._judge(part).is_valid(value):
            return
        looks = () if isinstance(part, bool) else (self._here, self._below)
        found = chain.from_iterable(look(part, value, path) for look in looks)
        yield next(found, Fault(path, f"{words.shown(value)} is not allowed", words.ANY))
        yield from found

    def _here(self, part: Document, value: Any, path: str) -> Iterator[Fault]:
        """The faults of `value` itself, not of what is in it."""
        yield from (words.broken(path, rule, part.get(rule), value) for rule in self._rules_broken(part, value))
        if not isinstance(value, Mapping):
            return
        yield from (words.missing(path, name) for name in part.get("required", ()) if name not in value)
        if part.get("additionalProperties") is False:
            known = list(part.get("properties", {}))
            yield from (words.unknown(path, name, known) for name in _others(part, value))

    def _rules_broken(self, part: Document, value: Any) -> Iterator[str]:
        if isinstance(value, list | dict):
            yield from _broken_by_size(part, value)  # the library would copy the value into each error
            return
        if id(part) not in self._leaves:
            self._leaves[id(part)] = {key: rule for key, rule in part.items() if key not in _INTO}
        broken: list[str] = [error.kind.name for error in self._judge(self._leaves[id(part)]).iter_errors(value)]
        # What values there are says more than of what type they are.
        yield from (rule for rule in broken if rule != "type" or not {"enum", "const"} & set(broken))

    def _below(self, part: Document, value: Any, path: str) -> Iterator[Fault]:
        """The faults of what is in `value`, and those by the schemas that `part` is put together from."""
        for rule, held in _within(part, value):
            for step, inner in self._suspects(rule, held):
                yield from self._search(rule, inner, path + words.step(step))
        if "propertyNames" in part and isinstance(value, Mapping):
            named = ((name, name) for name in _first(part, value))
            for name, _ in self._suspects(part["propertyNames"], named):
                at = path + words.step(name)
                yield from map(words.of_name, self._search(part["propertyNames"], name, at))
        for each in part.get("allOf", ()):
            yield from self._search(each, value, path)
        union = part.get("oneOf", ())
        if union and not any(self._judge(each).is_valid(value) for each in union):
            yield from self._of_union(union, value, path)

    def _suspects(self, rule: Any, held: Iterator[Held]) -> Iterator[Held]:
        """All of `held` but what is right by `rule` and stands among such: a call for each would cost too much."""
        if id(rule) not in self._lists:
            self._lists[id(rule)] = {"items": rule}
        while some := list(islice(held, _JUDGED_AT_ONCE)):
            if len(some) == 1 or not self._judge(self._lists[id(rule)]).is_valid([inner for _, inner in some]):
                yield from some

    def _of_union(self, union: list[Document], value: Any, path: str) -> Iterator[Fault]:
        """The faults by the one of `union` that was meant: told by its type, then by its constant fields."""
        fitting = [each for each in union if _types(each) & _types_of(value)]
        if not fitting:
            yield words.of_wrong_type(path, value, [name for each in union for name in sorted(_types(each))])
            return
        sent = value if isinstance(value, Mapping) else {}
        marks = {name for each in fitting for name in _constants(each)}
        meant = [each for each in fitting if self._is_meant(_constants(each), sent)]
        tagged = [each for each in meant if _constants(each)]
        if tagged or (meant and not marks & sent.keys()):
            yield from self._search((tagged or meant)[0], value, path)
            return
        name = min(marks, key=lambda mark: (mark not in sent, mark))
        options = [_constants(each)[name]["const"] for each in fitting if name in _constants(each)]
        yield words.of_no_option(path, name, sent, options)

    def _is_meant(self, constants: Mapping[str, Document], sent: Mapping[str, Any]) -> bool:
        return all(name in sent and self._judge(rule).is_valid(sent[name]) for name, rule in constants.items())


def _broken_by_size(part: Document, value: list[Any] | dict[str, Any]) -> Iterator[str]:
    named = next((rule for rule in ("enum", "const") if rule in part), None)
    if named or not _types(part) & _types_of(value):
        yield named or "type"
        return
    least, most = ("minItems", "maxItems") if isinstance(value, list) else ("minProperties", "maxProperties")
    if len(value) < part.get(least, 0):
        yield least
    if len(value) > part.get(most, len(value)):
        yield most
    elif part.get("uniqueItems") and len({json.dumps(each) for each in value}) < len(value):
        yield "uniqueItems"


def _within(part: Document, value: Any) -> Iterator[tuple[Any, Iterator[Held]]]:
    """What is in `value`, by the schema that it must keep to. Nothing beyond what may be in it at most."""
    if isinstance(value, list) and "items" in part:
        yield part["items"], enumerate(islice(value, part.get("maxItems")))
    if not isinstance(value, Mapping):
        return
    for name, rule in part.get("properties", {}).items():
        if name in value:
            yield rule, iter(((name, value[name]),))
    for pattern, rule in part.get("patternProperties", {}).items():
        yield rule, ((name, value[name]) for name in _first(part, value) if re.search(pattern, name))
    rest = part.get("additionalProperties", True)
    if not isinstance(rest, bool):
        yield rest, ((name, value[name]) for name in islice(_others(part, value), part.get("maxProperties")))


def _first(part: Document, value: Mapping[str, Any]) -> Iterator[str]:
    """The names in `value`, as many as may be in it."""
    return islice(value, part.get("maxProperties"))


def _others(part: Document, value: Mapping[str, Any]) -> Iterator[str]:
    """The fields of `value` that `part` does not speak of."""
    patterns = part.get("patternProperties", {})
    for name in value:
        if name not in part.get("properties", {}) and not any(re.search(each, name) for each in patterns):
            yield name


def _constants(part: Document) -> dict[str, Document]:
    return {name: rule for name, rule in part.get("properties", {}).items() if "const" in rule}


_EVERY: Final = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))
_JSON_TYPES: Final[Mapping[type, frozenset[str]]] = {
    type(None): frozenset(("null",)),
    bool: frozenset(("boolean",)),
    int: frozenset(("integer", "number")),
    float: frozenset(("integer", "number")),
    str: frozenset(("string",)),
    list: frozenset(("array",)),
    dict: frozenset(("object",)),
}


def _types(part: Document) -> frozenset[str]:
    """What `part` takes."""
    named = part.get("type", _EVERY)
    return frozenset((named,) if isinstance(named, str) else named)


def _types_of(value: object) -> frozenset[str]:
    return _JSON_TYPES.get(type(value), _EVERY)
