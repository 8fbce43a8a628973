"""The schemas under `schemas/`: the one source of validation, specification and reference."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from clinvk.domain.errors import Fault

BASE: Final = "https://api.clinvk.dev/schemas/"

Document = Mapping[str, Any]


def folder() -> Path:
    """Where the schemas are: in the installed package, else at the top of the checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "_schemas"
    return packaged if packaged.is_dir() else here.parent / "schemas"


class Schemas:
    """Every schema by its path below `schemas/`, such as `native/prompt-request`. Nothing is ever fetched."""

    def __init__(self, root: Path | None = None) -> None:
        root = root or folder()
        self.documents: dict[str, Document] = {
            path.relative_to(root).with_suffix("").as_posix(): json.loads(path.read_text("utf-8"))
            for path in sorted(root.rglob("*.json"))
        }
        self._checkers: dict[str, Checker] = {}

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        return jsonschema_rs.Registry([(document["$id"], dict(document)) for document in self.documents.values()])

    def checker(self, name: str) -> "Checker":
        """The compiled schema `name`."""
        if name not in self._checkers:
            self._checkers[name] = Checker(self.documents[name], self._registry)
        return self._checkers[name]


class Checker:
    """One schema, compiled. Finds every fault, and says of each where it is and what would be right."""

    def __init__(self, schema: Document, registry: jsonschema_rs.Registry | None = None) -> None:
        self._schema = schema
        self._validator = jsonschema_rs.Draft202012Validator(dict(schema), registry=registry, offline=True)

    def faults(self, value: object) -> list[Fault]:
        """Nothing where `value` is right."""
        if self._validator.is_valid(value):
            return []
        return [fault for error in self._validator.iter_errors(value) for fault in self._explain(error)]

    def _explain(self, error: jsonschema_rs.ValidationError) -> list[Fault]:
        kind: Any = error.kind
        path = _pointer(error.instance_path)
        if kind.name == "additionalProperties":
            known = self._properties(error.schema_path[:-1])
            return [_unknown(path + _pointer([name]), name, known) for name in kind.unexpected]
        if kind.name == "required":
            return [Fault(path + _pointer([kind.property]), "is missing", "a value: the field is required")]
        expected = _EXPECTED.get(kind.name, lambda _: "a value that the schema allows")(kind)
        return [Fault(path, f"{_shown(error.instance)} {_WRONG.get(kind.name, 'is not allowed')}", expected)]

    def _properties(self, place: Sequence[str | int]) -> list[str]:
        """The fields that the schema knows at `place`; none where a reference leads elsewhere."""
        part: Any = self._schema
        for step in place:
            part = part.get(step, {}) if isinstance(part, Mapping) else part[step]
        return list(part.get("properties", {}))


def _pointer(steps: Iterable[str | int]) -> str:
    """RFC 6901: a name may itself hold a slash."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _unknown(path: str, name: str, known: list[str]) -> Fault:
    near = get_close_matches(name, known, n=1)
    expected = f"perhaps '{near[0]}'" if near else "a field of the schema" + _listed(known)
    return Fault(path, "is not a known field", expected)


_EXPECTED: Final[Mapping[str, Callable[[Any], str]]] = {
    "type": lambda kind: " or ".join(_article(name) for name in kind.types),
    "enum": lambda kind: "one of " + ", ".join(json.dumps(option) for option in kind.options),
    "const": lambda kind: json.dumps(kind.expected_value),
    "minimum": lambda kind: f"at least {kind.limit}",
    "maximum": lambda kind: f"at most {kind.limit}",
    "exclusiveMinimum": lambda kind: f"more than {kind.limit}",
    "minLength": lambda kind: "some text" if kind.limit == 1 else f"at least {kind.limit} characters",
    "maxLength": lambda kind: f"at most {kind.limit} characters",
    "minItems": lambda kind: f"at least {kind.limit} items",
    "maxItems": lambda kind: f"at most {kind.limit} items",
    "maxProperties": lambda kind: f"at most {kind.limit} entries",
    "pattern": lambda kind: "an absolute path" if kind.pattern == "^/" else f"text that matches {kind.pattern}",
}

_WRONG: Final = {
    "type": "has the wrong type",
    "enum": "is not one of the values allowed",
    "minimum": "is too small",
    "exclusiveMinimum": "is too small",
    "maximum": "is too large",
    "minLength": "is too short",
    "maxLength": "is too long",
    "minItems": "has too few items",
    "maxItems": "has too many items",
    "maxProperties": "has too many entries",
    "pattern": "has the wrong form",
}


def _article(name: str) -> str:
    if name == "null":
        return "null"
    return f"an {name}" if name[0] in "aeio" else f"a {name}"


def _listed(names: list[str]) -> str:
    return f": {', '.join(names)}" if names else ""


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
