"""docs/reference/openai.md and anthropic.md: what becomes of every field of a request, and what comes back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from markdown import GENERATED, Document, joined, kind, table

from clinvk.api.dialects.ask import TREATMENT
from clinvk.api.problems import Kind
from clinvk.api.routes import JSON, SSE, Route
from clinvk.api.table import ROUTES
from clinvk.domain.spec import Dialect
from clinvk.schemas import Schemas, target

INTRO = """Each field of a request is treated in one of four ways:

| treatment | meaning |
|---|---|
| honoured | it does what it is for |
| advisory | it is checked and known, and no CLI is bound by it |
| ignored | it is taken and has no effect |
| refused | what cannot be had is a 400 `unsupported-parameter`, and nothing is started; other values are fine |

The header `X-Ignored-Params` of an answer names the ignored fields that were sent, those in no table among them.
`null` is as good as no field.
"""


@dataclass(frozen=True)
class Vendor:
    """One dialect, and how its SDKs name an error."""

    dialect: Dialect
    title: str
    page: str
    """The page for people, beside this reference."""
    head: tuple[str, ...]
    error: Callable[[Kind], tuple[str, ...]]


def _openai_error(each: Kind) -> tuple[str, ...]:
    code = each.value.openai_code
    return f"`{each.value.openai_type}`", f"`{code}`" if code else ""


def _anthropic_error(each: Kind) -> tuple[str, ...]:
    return (f"`{each.value.anthropic_type}`",)


VENDORS: Mapping[str, Vendor] = {
    "openai": Vendor(Dialect.OPENAI, "OpenAI API", "openai.md", ("type", "code"), _openai_error),
    "anthropic": Vendor(Dialect.ANTHROPIC, "Anthropic API", "anthropic.md", ("type",), _anthropic_error),
}


def page(name: str, schemas: Schemas) -> str:
    """The page of that vendor."""
    vendor = VENDORS[name]
    routes = [route for route in ROUTES if route.dialect is vendor.dialect]
    beside = (
        f"How it is used: [the {vendor.title}](../{vendor.page}). Every object to its last field:"
        " [all routes](native-api.md).\n"
    )
    rows = [(f"[{_title(each)}](native-api.md#{_anchor(_title(each))})", each.summary) for each in routes]
    parts = [f"# {vendor.title}\n\n{GENERATED}\n", beside, table(("route", "job"), rows)]
    parts.append(f"## Fields of requests\n\n{INTRO}")
    for route in routes:
        if route.request:
            parts += _section(route, vendor, schemas)
    return joined(parts)


def _title(route: Route) -> str:
    return f"{route.method} {route.path}"


def _anchor(heading: str) -> str:
    return "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_").replace(" ", "-")


def _section(route: Route, vendor: Vendor, schemas: Schemas) -> Iterator[str]:
    yield f"## {_title(route)}\n\n{route.summary}. {route.description}\n"
    yield "### Request\n"
    head = ("field", "type", "", "treatment", "why")
    yield table(head, _fields(str(route.request), schemas))
    content = route.answers[200].content
    yield f"### Answer\n\n{route.answers[200].description}\n"
    yield table(("field", "type", "meaning"), _told(content[JSON], schemas))
    if SSE in content:
        yield from _stream(content[SSE], schemas)
    yield "### Problems\n"
    yield table(("status", "slug", *vendor.head, "headers"), _problems(route, vendor))


def _fields(name: str, schemas: Schemas) -> Iterator[tuple[str, str, str, str, str]]:
    """Every field of a request, as its schema has them, and the fields of those that are objects."""
    document = schemas.documents[name]
    for field, part in document["properties"].items():
        yield from _field(field, _found(part, name, schemas), is_required=field in document["required"])


def _field(name: str, part: Document, *, is_required: bool) -> Iterator[tuple[str, str, str, str, str]]:
    need = "required" if is_required else ""
    yield f"`{name}`", _kind(part), need, part.get(TREATMENT, ""), part["description"]
    for inner, each in part.get("properties", {}).items():
        yield from _field(f"{name}.{inner}", each, is_required=inner in part.get("required", ()))


def _told(name: str, schemas: Schemas) -> Iterator[tuple[str, str, str]]:
    """The fields of an answer; what is in them stands elsewhere."""
    for field, part in schemas.documents[name]["properties"].items():
        found = _found(part, name, schemas)
        yield f"`{field}`", _kind(found), found["description"]


def _stream(name: str, schemas: Schemas) -> Iterator[str]:
    document = schemas.documents[name]
    yield f"### Stream\n\n{document['description']}\n"
    if "oneOf" in document:
        rows = ((f"`{each['properties']['type']['const']}`", each["description"]) for each in document["oneOf"])
        yield table(("event", "meaning"), rows)
    else:
        yield table(("field", "type", "meaning"), _told(name, schemas))


def _problems(route: Route, vendor: Vendor) -> Iterator[tuple[str, ...]]:
    kinds = sorted(
        {*route.problems, Kind.FORBIDDEN, Kind.INTERNAL}, key=lambda each: (each.value.status, each.name)
    )
    for each in kinds:
        known = each.value
        headers = ", ".join(f"`{name}: {value}`" for name, value in known.headers.items())
        yield str(known.status), f"[{known.slug}](errors.md#problems)", *vendor.error(each), headers


def _found(part: Document, name: str, schemas: Schemas) -> Document:
    """`part`, or what it leads to under what it says itself."""
    if "$ref" not in part:
        return part
    led, _ = schemas.part(*target(part["$ref"], name))
    return {**led, **{key: each for key, each in part.items() if key != "$ref"}}


def _kind(part: Document) -> str:
    """What a value is; what a list holds is told elsewhere, unless it is plain."""
    if "$ref" in part.get("items", {}) or "oneOf" in part.get("items", {}):
        return kind({key: each for key, each in part.items() if key != "items"})
    return kind(part)
