"""docs/reference/settings.md, by the schema of the configuration."""

from collections.abc import Iterator

from markdown import GENERATED, Document, code, joined, kind, table

from clinvk.schemas import Schemas

HEAD = ("setting", "type", "default", "meaning")
INTRO = """`~/.clinvk/config.yaml`, or the file that `--config` or `CLINVK_CONFIG` names. Everything is optional. \
Flags win over the [environment](command-line.md#environment-variables), that over the file, that over the \
defaults. An unknown key or a wrong value is an error that names the line.

A setting that is marked *not served yet* is known, and takes nothing but its default until it is.
"""


def page(schemas: Schemas) -> str:
    """The page: a section for each section of the file."""
    schema = schemas.whole("config/config")
    plain = [
        row for name, part in schema["properties"].items() if not _is_section(part) for row in _rows(part, name)
    ]
    parts = [f"# Settings\n\n{GENERATED}\n", INTRO, table(HEAD, plain)]
    for name, part in schema["properties"].items():
        if _is_section(part):
            parts += [f"## {name}\n\n{part['description']}\n", table(HEAD, _rows(part, name))]
    return joined(parts)


def _is_section(part: Document) -> bool:
    return "properties" in part or "properties" in _named(part)


def _named(part: Document) -> Document:
    """What stands behind each name of a section that is one of names."""
    others = part.get("additionalProperties")
    return others if isinstance(others, dict) else {}


def _rows(part: Document, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    if not _is_section(part):
        yield f"`{prefix}`", kind(part), _default(part), part["description"]
    for name, each in part.get("properties", {}).items():
        yield from _rows(each, f"{prefix}.{name}")
    for name, each in _named(part).get("properties", {}).items():
        yield from _rows(each, f"{prefix}.NAME.{name}")


def _default(part: Document) -> str:
    return code(part["default"]) if "default" in part else "built in"
