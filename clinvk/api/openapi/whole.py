"""The document: what its operations have in common, and where they are."""

from collections.abc import Iterable
from typing import Any, Final

from clinvk import __version__
from clinvk.api.openapi import components, headers, operations
from clinvk.api.routes import Route
from clinvk.schemas import Schemas

_DESCRIPTION: Final = """\
Prompts in, answers out: whole, or as a stream of events. Each answer has an `X-Request-Id`; what started a run \
names it in `X-Run-Id`, and tells in `X-Clinvk-Start` how it began, once that is known.

Whatever goes wrong is a `Problem` (RFC 7807). Natively it is none that a run failed: that is an outcome, with \
`exit_code` and `error`; in the OpenAI and the Anthropic API it is one. Clients that repeat requests by \
themselves are told by `x-should-retry: false` where that might run an agent twice. What is malformed, too large \
or too slow is refused with 400, 413 or 408, whatever it asks for.

A body is one JSON object in UTF-8, sent as `application/json`. Natively a field that is not known is refused; \
the other APIs pass it over. All faults are told at once. `Accept: text/event-stream` asks for server-sent \
events, `application/x-ndjson` for lines of JSON. GET operations answer HEAD too, without a body; OPTIONS names \
the methods of a path in `Allow`.

Where API keys are configured, one is asked for: as `Authorization: Bearer KEY` or as `X-Api-Key: KEY`. What \
needs none is `/health`, which says less then, `/openapi.json`, `/docs` and the page of `/console`. Where none \
are configured, any key is as good as none. Pages of other origins may ask if `server.cors_allowed_origins` says \
so, and may read every header that is described here."""
_TAGS: Final = {
    "runs": "Run prompts; watch and stop what is under way.",
    "groups": "Many prompts in one request: side by side, one after the other, or one with several backends.",
    "sessions": "Conversations that are kept, and gone on with.",
    "openai": "What OpenAI's SDKs ask for, and what is built on them. Fields that are not known are passed over.",
    "anthropic": "The same for Anthropic's SDKs. One path is told of several that they make of a base URL.",
    "meta": "The server itself.",
}
_SCHEMES: Final = {
    operations.BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of this server, as OpenAI's SDKs send theirs.",
    },
    operations.API_KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "X-Api-Key",
        "description": "The same, as Anthropic's SDKs send theirs.",
    },
}
_REQUEST_ID: Final = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "Your own id for this request, up to 128 visible ASCII characters: the answer has it too, and"
    " so have the run and the server's log. Another is not refused: the server then makes one.",
    "schema": {"type": "string"},
    "examples": {"example 1": {"value": "nightly-build-7"}},
}


def document(routes: Iterable[Route], schemas: Schemas) -> dict[str, Any]:
    """OpenAPI 3.1 for `routes`, with every schema there is."""
    routes = tuple(routes)
    writer = operations.Writer(routes, schemas)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        shared = {"parameters": [{"$ref": "#/components/parameters/X-Request-Id"}]}
        paths.setdefault(route.path, shared)[route.method.lower()] = writer.operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "clinvk",
            "version": __version__,
            "summary": "One HTTP endpoint in front of the AI coding CLIs on your machine.",
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8080", "description": "Where it listens if nothing else is set."}],
        "tags": _tags(routes),
        "paths": paths,
        "components": {
            "schemas": components.every(schemas),
            "headers": headers.every(),
            "parameters": {"X-Request-Id": _REQUEST_ID},
            "examples": dict(sorted(writer.examples.items())),
            "securitySchemes": _SCHEMES,
        },
    }


def _tags(routes: Iterable[Route]) -> list[dict[str, str]]:
    used = {route.tag for route in routes}
    named = [*_TAGS, *sorted(used - _TAGS.keys())]
    return [
        {"name": name} | ({"description": _TAGS[name]} if name in _TAGS else {}) for name in named if name in used
    ]
