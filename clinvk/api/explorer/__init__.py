"""/docs: the API explorer. Swagger UI where there is JavaScript, a plain page to read where there is none."""

from typing import Final

from clinvk.api.explorer import files, page
from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import Answer, Parameter, Route

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


async def docs(call: Handler) -> None:
    """The page, complete without any script: the explorer takes its place where it can."""
    assert call.services.openapi is not None
    html = page.render(call.services.openapi, call.origin.base_url)
    call.set_header("Content-Security-Policy", _POLICY)
    call.set_header("Referrer-Policy", "no-referrer")
    send(call, files.File.of("text/html", html.encode()))


async def file(call: Handler) -> None:
    """One of the files that the page needs."""
    found = files.read(call.path["name"])
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"There is nothing at {call.request.path}: see /docs")
    send(call, found)


def send(call: Handler, sent: files.File) -> None:
    """Answer with it, compressed where the client takes that; 304 where the client has it."""
    compressed = sent.is_gzip and files.takes_gzip(call.request.headers.get("Accept-Encoding", ""))
    call.set_header("Content-Type", f"{sent.media_type}; charset=utf-8")
    call.set_header("Cache-Control", "no-cache")  # kept, and asked for again: after an upgrade nothing is stale
    call.set_header("Etag", sent.etag(compressed=compressed))
    if sent.is_gzip:
        call.set_header("Vary", "Accept-Encoding")
    if call.check_etag_header():
        call.set_status(304)
        call.finish()
        return
    if compressed:
        call.set_header("Content-Encoding", "gzip")
    call.finish(sent.data if compressed or not sent.is_gzip else sent.unpacked())


_NAME: Final = Parameter("name", "path", "Name of the file.", {"type": "string", "examples": ["explorer.js"]})

FILES: Final = Route(
    "GET", "/docs/{name}", file, "getDocsFile", "A file of the explorer", "meta",
    {200: Answer("The file.", dict.fromkeys(files.MEDIA_TYPES.values(), ""))}, (Kind.NOT_FOUND,),
    parameters=(_NAME,),
)  # fmt: skip
"""No operation of the API, so it stands in no document of it."""
