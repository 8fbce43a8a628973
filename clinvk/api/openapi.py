"""The OpenAPI document: route table × schemas."""

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, Final

from clinvk import __version__
from clinvk.api.problems import MEDIA_TYPE, Kind
from clinvk.api.routes import Answer, Parameter, Route
from clinvk.schemas import Schemas

_DROPPED: Final = {"$id", "$schema"}


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
        content = {"application/json": _media(route.request, schemas)}
        operation["requestBody"] = {"required": True, "content": content}
    answers = {str(status): _answer(answer, schemas) for status, answer in route.answers.items()}
    operation["responses"] = answers | _problems((*route.problems, Kind.FORBIDDEN, Kind.INTERNAL), schemas)
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _answer(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    headers = {"X-Request-Id": "Id of this request, yours if you sent one.", **answer.headers}
    described["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
    }
    if answer.content:
        described["content"] = {media: _media(name, schemas) for media, name in answer.content.items()}
    return described


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
            "content": {MEDIA_TYPE: _media("domain/problem", schemas)},
        }
        for status, same in sorted(by_status.items())
    }


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
        return {
            key: _target(part, name, schemas) if key == "$ref" else _rewritten(part, name, schemas)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_rewritten(part, name, schemas) for part in value]
    return value


def _target(reference: str, name: str, schemas: Schemas) -> str:
    path, _, pointer = reference.partition("#")
    if not path:
        return f"{_component(name, schemas)}{pointer}"
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)).removesuffix(".json")
    return f"{_component(target, schemas)}{pointer}"
