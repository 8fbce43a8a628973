"""One operation as OpenAPI has it: parameters, body, answers and problems, with examples of each."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clinvk.api.openapi import components, headers, links, refusals, streams
from clinvk.api.problems import MEDIA_TYPE, Kind
from clinvk.api.routes import JSON, Parameter, Route
from clinvk.schemas import Schemas

BEARER: Final = "bearer"
API_KEY: Final = "apiKey"

_ENDED: Final = ("completed", "failed", "cancelled")
# Of one schema's examples, those that such an answer can be. An answer that is not here can be each of them.
_FITTING: Final[Mapping[tuple[str, int], tuple[str, tuple[object, ...]]]] = {
    ("cancelRun", 200): ("state", _ENDED),
    ("cancelRun", 202): ("state", ("stopping",)),
    ("deleteRun", 200): ("state", _ENDED),
    ("deleteRun", 202): ("state", ("stopping",)),
    ("cancelGroup", 200): ("ended", (True,)),
    ("cancelGroup", 202): ("ended", (False,)),
    ("getHealth", 200): ("status", ("ok", "degraded")),
    ("getHealth", 503): ("status", ("unhealthy", "draining")),
}


class Writer:
    """Writes operations; `examples` are those that they share, by name."""

    def __init__(self, routes: Iterable[Route], schemas: Schemas) -> None:
        self._routes = tuple(routes)
        self._schemas = schemas
        self.examples: dict[str, Any] = {}

    def operation(self, route: Route) -> dict[str, Any]:
        """The operation object of `route`."""
        told: dict[str, Any] = {"operationId": route.name, "summary": route.summary, "tags": [route.tag]}
        if route.description:
            told["description"] = route.description
        if route.parameters:
            told["parameters"] = [_parameter(parameter) for parameter in route.parameters]
        if route.request:
            told["requestBody"] = {"required": route.needs_body, "content": {JSON: self._body(route.request)}}
        told["security"] = _security(route)
        answers = {str(status): self._answer(route, status) for status in route.answers}
        return told | {"responses": answers | self._problems(route)}

    def _body(self, name: str) -> dict[str, Any]:
        values = self._schemas.documents[name]["examples"]
        return {"schema": components.of(name, self._schemas), "examples": _numbered(values)}

    def _answer(self, route: Route, status: int) -> dict[str, Any]:
        answer = route.answers[status]
        streamed = bool(answer.content.keys() & streams.FORMS)
        names = [*answer.headers, *(headers.OF_STREAMS if streamed else ())]
        told = {"description": answer.description, "headers": headers.of(names, answer.headers)}
        if answer.content:
            told["content"] = {form: self._media(form, route, status) for form in answer.content}
        led = links.of(answer, self._routes)
        return told | ({"links": led} if led else {})

    def _media(self, form: str, route: Route, status: int) -> dict[str, Any]:
        name = route.answers[status].content[form]
        if form in streams.FORMS:
            return streams.media(form, name, route, self._schemas)
        if not name:
            return {"schema": {"type": "object" if form == JSON else "string"}}
        shown = self._share_answers(route, status, name)
        return {"schema": components.of(name, self._schemas), "examples": shown}

    def _share_answers(self, route: Route, status: int, name: str) -> dict[str, Any]:
        schema = self._schemas.documents[name]
        field, values = _FITTING.get((route.name, status), ("", ()))
        return {
            f"example {number}": self._share(f"{schema['title']}.{number}", value)
            for number, value in enumerate(schema["examples"], 1)
            if not field or value[field] in values
        }

    def _problems(self, route: Route) -> dict[str, Any]:
        by_status: dict[str, list[Kind]] = {}
        for kind in dict.fromkeys((*route.problems, *_at_the_door(route))):
            by_status.setdefault(str(kind.value.status), []).append(kind)
        return {status: self._problem(route, kinds) for status, kinds in sorted(by_status.items())}

    def _problem(self, route: Route, kinds: list[Kind]) -> dict[str, Any]:
        names = dict.fromkeys(name for kind in kinds for name in headers.of_problem(kind, route))
        media = {"schema": components.of("domain/problem", self._schemas)}
        shown = {kind.value.slug: self._refusal(route, kind) for kind in kinds}
        return {
            "description": " or ".join(kind.value.title for kind in kinds),
            "headers": headers.of(names),
            "content": {MEDIA_TYPE: media | {"examples": {slug: each for slug, each in shown.items() if each}}},
        }

    def _refusal(self, route: Route, kind: Kind) -> dict[str, Any] | None:
        body = refusals.example(route, kind, self._schemas)
        return body and self._share_numbered(kind.value.slug, body)

    def _share_numbered(self, name: str, value: Any) -> dict[str, Any]:
        """Under `name`, or under that and a number where `name` is another example."""
        number = 1
        while self.examples.get(f"{name}.{number}", {"value": value})["value"] != value:
            number += 1
        return self._share(f"{name}.{number}", value)

    def _share(self, name: str, value: Any) -> dict[str, Any]:
        self.examples[name] = {"value": value}
        return {"$ref": f"#/components/examples/{name}"}


def _security(route: Route) -> list[dict[str, list[str]]]:
    """The keys that open it, each alone; none at all is one of them where the settings decide."""
    if route.open is True:
        return []
    keys: list[dict[str, list[str]]] = [{BEARER: []}, {API_KEY: []}]
    return [{}, *keys] if route.open else keys


def _at_the_door(route: Route) -> list[Kind]:
    """Problems that it may have whatever it does."""
    keys = [] if route.open is True else [Kind.UNAUTHORIZED]
    rates = [] if route.unlimited else [Kind.RATE_LIMITED]
    return [Kind.FORBIDDEN, Kind.INTERNAL, *keys, *rates]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": {key: rule for key, rule in parameter.schema.items() if key != "examples"},
    }
    shown = parameter.schema.get("examples")
    return described | ({"examples": _numbered(shown)} if shown else {})


def _numbered(values: Iterable[Any]) -> dict[str, Any]:
    return {f"example {number}": {"value": value} for number, value in enumerate(values, 1)}
