"""clinvk/api/schema_types.py: a TypedDict for every object of the API, by datamodel-code-generator."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HEADER = '''"""The objects of the API as types. Written by scripts/generate: change the schemas, not this file."""

# ruff: noqa: E501
'''
OPTIONS = (
    "--input-file-type=openapi",
    "--output-model-type=typing.TypedDict",
    "--target-python-version=3.11",
    "--use-title-as-name",
    "--use-schema-description",
    "--use-single-line-docstring",
    "--no-use-closed-typed-dict",  # mypy does not know closed ones
    "--enum-field-as-literal=all",
    "--disable-future-imports",
    "--disable-timestamp",
    "--formatters=builtin",
)
# What says nothing of the type. A list's items with such a rule would get a name of their own for it.
_RULES = {"pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "format", "examples"}


def module(document: Mapping[str, Any]) -> str:
    """The source, for this OpenAPI document."""
    schemas = {title: _named(part, title) for title, part in document["components"]["schemas"].items()}
    with tempfile.TemporaryDirectory() as folder:
        given, written = Path(folder, "openapi.json"), Path(folder, "types.py")
        given.write_text(json.dumps({**document, "paths": {}, "components": {"schemas": schemas}}), "utf-8")
        header = f"--custom-file-header={HEADER}"
        files = (f"--input={given}", f"--output={written}")
        _run("datamodel_code_generator", *files, header, *OPTIONS)
        _run("ruff", "format", "--config", "line-length = 115", str(written))
        return written.read_text("utf-8")


def _run(module_: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-I", "-m", module_, *arguments], check=True, stdout=subprocess.DEVNULL)


def _named(part: Any, title: str) -> Any:
    """`part` with a title for each object in it that has none, from where it stands; and without its rules."""
    if not isinstance(part, dict):
        return part
    kept = {key: rule for key, rule in part.items() if key not in _RULES}
    if "properties" in part:
        kept["title"] = part.get("title", title)
    return kept | dict(_within(kept, kept.get("title", title)))


def _within(part: Mapping[str, Any], title: str) -> Iterator[tuple[str, Any]]:
    if "properties" in part:
        fields = part["properties"].items()
        yield "properties", {name: _named(each, title + _pascal(name)) for name, each in fields}
    if "items" in part:
        yield "items", _named(part["items"], title.removesuffix("s"))
    if "oneOf" in part:
        yield "oneOf", [_named(each, title) for each in part["oneOf"]]


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
