"""docs/reference/native-api.md: the routes, and every object that goes in or out."""

from collections.abc import Iterator
from typing import Any

from markdown import GENERATED, Document, example, joined, kind, table

from clinvk.api.problems import Kind
from clinvk.api.routes import Answer, Route
from clinvk.api.table import ROUTES
from clinvk.schemas import Schemas, target

INTRO = """Every answer carries `X-Request-Id`: the id of the request, yours if you sent one. GET routes answer \
HEAD too; OPTIONS names the methods of a path. For programs the same stands in [openapi.json](../openapi.json).

A body is one JSON object in UTF-8, sent as `application/json`. A field that is not known, stands twice or has a \
wrong value is refused, and all faults are told at once: see [errors](errors.md).
"""
ELSEWHERE = {"Event": "events.md#events", "Problem": "errors.md#problems"}


def page(schemas: Schemas) -> str:
    """The page."""
    rows = [(f"[{_title(route)}](#{_anchor(_title(route))})", route.summary) for route in ROUTES]
    parts = [f"# Native API\n\n{GENERATED}\n", INTRO, table(("route", "job"), rows)]
    for route in ROUTES:
        parts += _route(route, schemas)
    parts.append("## Objects\n")
    for name, document in sorted(schemas.documents.items(), key=lambda each: each[0].startswith("domain/")):
        if not name.startswith("config/") and document["title"] != "Event":
            parts += Objects(schemas, name).section(document, "###")
    return joined(parts)


def _sentence(summary: str) -> str:
    return summary if summary.endswith("?") else summary + "."


def _title(route: Route) -> str:
    return f"{route.method} {route.path}"


def _anchor(heading: str) -> str:
    return "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_").replace(" ", "-")


def _route(route: Route, schemas: Schemas) -> Iterator[str]:
    yield f"## {_title(route)}\n\n{_sentence(route.summary)} {route.description}".rstrip() + "\n"
    rows = [(f"`{each.name}`", each.place, kind(each.schema), each.description) for each in route.parameters]
    yield table(("parameter", "in", "type", "meaning"), rows)
    if route.request:
        yield f"Body: {_link(route.request, schemas)}\n"
    yield table(("status", "answer"), [*_answers(route, schemas), *_problems(route)])


def _answers(route: Route, schemas: Schemas) -> Iterator[tuple[str, str]]:
    for status, answer in route.answers.items():
        yield str(status), " ".join((answer.description, *_forms(answer, schemas), *_headers(answer)))


def _forms(answer: Answer, schemas: Schemas) -> Iterator[str]:
    for media, name in answer.content.items():
        yield f"`{media}`" + (f": {_link(name, schemas)}." if name else ".")


def _headers(answer: Answer) -> Iterator[str]:
    for name, told in answer.headers.items():
        yield f"`{name}`: {told}"


def _problems(route: Route) -> Iterator[tuple[str, str]]:
    kinds = sorted(
        {*route.problems, Kind.FORBIDDEN, Kind.INTERNAL}, key=lambda each: (each.value.status, each.name)
    )
    for each in kinds:
        yield str(each.value.status), f"[{each.value.slug}](errors.md#problems)"


def _link(name: str, schemas: Schemas) -> str:
    title = schemas.documents[name]["title"]
    return f"[{title}]({ELSEWHERE.get(title, '#' + title.lower())})"


class Objects:
    """The objects of one schema file."""

    def __init__(self, schemas: Schemas, name: str) -> None:
        self._schemas = schemas
        self._name = name

    def section(self, part: Document, level: str) -> Iterator[str]:
        """Fields, nested ones too, and examples; each of a union below it."""
        yield f"{level} {part['title']}\n\n{part['description']}\n"
        if "oneOf" in part:
            for each in part["oneOf"]:
                shown = self.section(each, level + "#") if "title" in each else [f"Or {self._linked(each)}.\n"]
                yield from shown
            return
        if "properties" not in part:
            yield kind(part)[0].upper() + kind(part)[1:] + ".\n"
            return
        yield table(("field", "type", "", "meaning"), self.rows(part, ""))
        yield from (example(each) for each in part["examples"])

    def rows(self, part: Document, prefix: str) -> Iterator[tuple[str, str, str, str]]:
        """The fields of `part`, those of what is in them too."""
        for name, each in part["properties"].items():
            each = self._found(each)  # noqa: PLW2901  what it stands for
            need = "required" if name in part.get("required", ()) else ""
            yield f"`{prefix}{name}`", self._kind(each), need, each.get("description", "")
            items = each.get("items", {})
            if "properties" in each:
                yield from self.rows(each, f"{prefix}{name}.")
            elif "properties" in items:
                yield from self.rows(items, f"{prefix}{name}[].")

    def _found(self, part: Document) -> Document:
        """`part`, or what it leads to, where that is a part of another object."""
        if "#" not in part.get("$ref", ""):
            return part
        led, _ = self._schemas.part(*target(part["$ref"], self._name))
        return {**led, **{key: each for key, each in part.items() if key != "$ref"}}

    def _kind(self, part: Document) -> str:
        if "$ref" in part:
            return self._linked(part)
        if "$ref" in part.get("items", {}):
            return f"list of {self._linked(part['items'])}"
        return kind(part)

    def _linked(self, part: Any) -> str:
        return _link(target(part["$ref"], self._name)[0], self._schemas)
