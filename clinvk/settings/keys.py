"""The keys there are, by the schema: what each may hold, its default, and which one was meant."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from clinvk.schemas import Checker, Document, Schemas

SCHEMA: Final = "config/config"

Steps = tuple[str, ...]
"""Where a value stands: `("server", "port")`. An item of a list is there by its number."""


class Keys:
    """The schema of the configuration, asked by key."""

    def __init__(self, schemas: Schemas, name: str = SCHEMA) -> None:
        """`name` is that of the schema, where it is another file than the configuration."""
        self.root: Document = schemas.documents[name]
        self.checker: Checker = schemas.checker(name)

    def at(self, steps: Steps) -> Document | None:
        """What the schema says of the value there; None where no such key is known."""
        part: Document | None = self.root
        for step in steps:
            part = part and _child(part, step)
        return part

    def leaves(self, section: Steps = ()) -> Iterator[Steps]:
        """Every key below `section` that holds a value and no section, in the schema's order."""
        for name, part in (self.at(section) or {}).get("properties", {}).items():
            if is_section(part):
                yield from self.leaves((*section, name))
            else:
                yield (*section, name)

    def with_defaults(self, given: dict[str, Any], section: Steps = ()) -> dict[str, Any]:
        """`given` over the defaults of every key of `section`."""
        whole = dict(given)
        for name, part in (self.at(section) or {}).get("properties", {}).items():
            if "properties" in part:
                whole[name] = self.with_defaults(given.get(name, {}), (*section, name))
            elif "default" in part:
                whole.setdefault(name, part["default"])
        return whole

    def secret(self, steps: Steps) -> bool:
        """Whether the value there is not to be shown."""
        return bool((self.at(steps) or {}).get("writeOnly"))

    def nearest(self, steps: Steps) -> str:
        """What was perhaps meant by the unknown key `steps`: another key, or those there are at its place."""
        parent = self.at(steps[:-1]) or {}
        section, beside = ".".join(steps[:-1]), list(parent.get("properties", {}))
        near = [".".join((*steps[:-1], name)) for name in get_close_matches(steps[-1], beside, n=1)]
        elsewhere = [".".join(leaf) for leaf in self.leaves() if leaf[-1] == steps[-1]]
        if near or elsewhere:
            return f"perhaps '{(near or elsewhere)[0]}'"
        if beside:
            return f"one of {', '.join(beside)}" + (f" in {section}" if section else "")
        return str(parent.get("x-expected-keys", "no key here"))


def is_section(part: Document) -> bool:
    """Whether it holds keys, and no value of its own: an empty one is as good as none."""
    return "properties" in part or isinstance(part.get("additionalProperties"), dict)


def _child(part: Document, step: str) -> Document | None:
    named: Document | None = part.get("properties", {}).get(step)
    if named is not None or part.get("type") == "array":
        return named if named is not None else part.get("items")
    for pattern, matched in part.get("patternProperties", {}).items():
        if re.search(pattern, step):
            return dict(matched)
    others = part.get("additionalProperties")
    return others if isinstance(others, dict) else None
