"""The OpenAPI document: route table × schemas."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clinvk import __version__
from clinvk.api.problems import MEDIA_TYPE, Kind
from clinvk.api.routes import Answer, Parameter, Route
from clinvk.schemas import Schemas, target

_DROPPED: Final = {"$id", "$schema"}
_ALWAYS: Final = {
    "X-Request-Id": "Id of this request, yours if you sent one.",
    "request-id": "The same, under the name that some SDKs read.",
}
_OF_PROBLEMS: Final = {
    "Retry-After": "Seconds after which it may work.",
    "x-should-retry": "`false` where to repeat the request by itself might run an agent twice.",
}


def document(routes: Iterable[Route], schemas: Schemas) -> dict[str, Any]:
    """OpenAPI 3.1 for `routes`, with every schema they reach."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "clinvk",
            "version": __version__,
            "summary": "One HTTP endpoint in front of the AI coding CLIs on your machine.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8080"}],
        "tags": [
            {"name": "runs", "description": "Run prompts; watch and stop what is under way."},
            {"name": "sessions", "description": "Conversations that are kept, and gone on with."},
            {"name": "meta", "description": "The server itself."},
        ],
        "paths": paths,
        "components": {"schemas": _components(schemas)},
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": route.name, "summary": route.summary, "tags": [route.tag]}
    if route.description:
        operation["description"] = route.description
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.request:
        content = _media(route.request, schemas) | {"examples": _examples(schemas.documents[route.request])}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    answers = {str(status): _answer(answer, schemas) for status, answer in route.answers.items()}
    operation["responses"] = answers | _problems((*route.problems, Kind.FORBIDDEN, Kind.INTERNAL), schemas)
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": {key: rule for key, rule in parameter.schema.items() if key != "examples"},
    }
    return described | ({"examples": _examples(parameter.schema)} if "examples" in parameter.schema else {})


def _examples(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {f"example {number}": {"value": value} for number, value in enumerate(schema["examples"], 1)}


def _answer(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    described = {"description": answer.description, "headers": _headers(answer.headers)}
    if answer.content:
        described["content"] = {media: _media(name, schemas) for media, name in answer.content.items()}
    return described


def _headers(more: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: {"description": text, "required": name in _ALWAYS, "schema": {"type": "string"}}
        for name, text in {**_ALWAYS, **more}.items()
    }


def _media(name: str, schemas: Schemas) -> dict[str, Any]:
    if not name:
        return {"schema": {"type": "object"}}
    return {"schema": {"$ref": _component(name, schemas)}}


def _problems(kinds: Iterable[Kind], schemas: Schemas) -> dict[str, Any]:
    by_status: dict[str, list[Kind]] = {}
    for kind in kinds:
        by_status.setdefault(str(kind.value.status), []).append(kind)
    return {
        status: {
            "description": " or ".join(kind.value.title for kind in same),
            "headers": _headers({name: _OF_PROBLEMS[name] for kind in same for name in _told_with(kind)}),
            "content": {MEDIA_TYPE: _media("domain/problem", schemas)},
        }
        for status, same in sorted(by_status.items())
    }


def _told_with(kind: Kind) -> list[str]:
    """The headers that such a problem may have of its own. How long the queue is, is known only then."""
    return ["Retry-After"] if kind is Kind.OVERLOADED else list(kind.value.headers)


def _component(name: str, schemas: Schemas) -> str:
    return f"#/components/schemas/{schemas.documents[name]['title']}"


def _components(schemas: Schemas) -> dict[str, Any]:
    return {
        schema["title"]: {
            key: _rewritten(value, name, schemas) for key, value in schema.items() if key not in _DROPPED
        }
        for name, schema in schemas.documents.items()
        if not name.startswith("config/")
    }


def _rewritten(value: Any, name: str, schemas: Schemas) -> Any:
    """`value` with each reference between files turned into one between components."""
    if isinstance(value, Mapping):
        if "#" in value.get("$ref", ""):  # into another: generators of clients do not follow it there
            return _led_to(value, name, schemas)
        return {
            key: _target(part, name, schemas) if key == "$ref" else _rewritten(part, name, schemas)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_rewritten(part, name, schemas) for part in value]
    return value


def _led_to(value: Mapping[str, Any], name: str, schemas: Schemas) -> dict[str, Any]:
    """What the reference in `value` leads to, in its place; what stands beside it wins."""
    part, other = schemas.part(*target(value["$ref"], name))
    beside = {key: each for key, each in value.items() if key != "$ref"}
    found: dict[str, Any] = {**_rewritten(part, other, schemas), **_rewritten(beside, name, schemas)}
    return found


def _target(reference: str, name: str, schemas: Schemas) -> str:
    other, _ = target(reference, name)
    return _component(other, schemas)
