"""The schemas as components: every object that has a title is one of its own, whatever file it stands in."""

from collections.abc import Mapping
from typing import Any, Final

from clinvk.schemas import Schemas, target

_DROPPED: Final = {"$id", "$schema"}
_VALUES: Final = {"examples", "enum", "const", "required"}
"""Keywords that hold values, not schemas: nothing in them is a title or a reference."""


def of(name: str, schemas: Schemas) -> dict[str, str]:
    """The reference to the component of the schema `name`."""
    return _reference(schemas.documents[name]["title"])


def every(schemas: Schemas) -> dict[str, Any]:
    """All components by their titles. Settings are none: they are not sent."""
    found: dict[str, Any] = {}
    for name, schema in schemas.documents.items():
        if not name.startswith("config/"):
            _Writer(name, schemas, found).component(schema)
    return found


def _reference(title: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{title}"}


class _Writer:
    """Writes the schemas of one file into `found`."""

    def __init__(self, name: str, schemas: Schemas, found: dict[str, Any]) -> None:
        self._name = name
        self._schemas = schemas
        self._found = found

    def component(self, schema: Mapping[str, Any]) -> dict[str, str]:
        """Write `schema` by its title; the reference to it."""
        title = schema["title"]
        if title not in self._found:
            self._found[title] = {}  # its place, before the parts of it get theirs
            self._found[title] = self._whole(schema)
        return _reference(title)

    def _whole(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        written = {key: self._keyword(key, value) for key, value in schema.items() if key not in _DROPPED}
        return written | self._discriminator(schema)

    def _keyword(self, key: str, value: Any) -> Any:
        if key in _VALUES:
            return value
        if key == "properties":  # one that nothing satisfies is there for its message: the object is closed anyway
            return {name: self._schema(part) for name, part in value.items() if "not" not in part}
        if isinstance(value, list):
            return [self._schema(part) for part in value]
        return self._schema(value)

    def _schema(self, part: Any) -> Any:
        if not isinstance(part, Mapping):
            return part
        if "$ref" in part:
            return self._led_to(part)
        return self.component(part) if "title" in part else self._whole(part)

    def _led_to(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """A reference to a component, or what `part` leads to, in its place: what is beside the reference wins."""
        beside = {key: each for key, each in part.items() if key != "$ref"}
        led, other = self._schemas.part(*target(part["$ref"], self._name))
        writer = _Writer(other, self._schemas, self._found)
        # Generators of clients follow references to components, and into none of them.
        return (writer.component(led) if "title" in led else writer._schema(led)) | self._whole(beside)

    def _discriminator(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """By which constant the options of a union are told apart, where each has the same one."""
        options = [option for option in schema.get("oneOf", ()) if "title" in option]
        constants = [
            {name: part["const"] for name, part in option["properties"].items() if "const" in part}
            for option in options
        ]
        shared = set.intersection(*map(set, constants)) if constants else set()
        if len(options) < len(schema.get("oneOf", ())) or len(shared) != 1:
            return {}
        (name,) = shared
        mapping = {
            told[name]: _reference(option["title"])["$ref"]
            for told, option in zip(constants, options, strict=True)
        }
        return {"discriminator": {"propertyName": name, "mapping": mapping}}
