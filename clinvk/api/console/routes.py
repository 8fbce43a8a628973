"""What there is at /console."""

from typing import Final

from clinvk.api import explorer
from clinvk.api.console import files, socket
from clinvk.api.explorer.files import MEDIA_TYPES
from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import HTML, Answer, Parameter, Route

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


async def page(call: Handler) -> None:
    """A terminal as large as the window."""
    if not (call.services.visitors.welcome and call.services.console):
        raise Problem(Kind.NOT_FOUND, socket.OFF)
    call.set_header("Content-Security-Policy", _POLICY)
    call.set_header("Referrer-Policy", "no-referrer")
    explorer.send(call, files.page())


async def file(call: Handler) -> None:
    """One of the files that the page needs."""
    found = files.read(call.path["name"])
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"There is nothing at {call.request.path}: see /console")
    explorer.send(call, found)


_NAME: Final = Parameter("name", "path", "Name of the file.", {"type": "string", "examples": ["console.js"]})

PAGE: Final = Route(
    "GET", "/console", page, "getConsole", "The console, in a browser", "meta",
    {
        200: Answer("A page for browsers, with a terminal that shows what `clinvk serve --tui` does.", {HTML: ""},
                    {"Etag": "Which page it is.", "Cache-Control": "Not without asking."}),
        304: Answer("It is the page that you have.", {}, {"Etag": "Which page it is."}),
    },
    (Kind.NOT_FOUND,), description="Only with `server.console_enabled`. For eight visitors at once.",
)  # fmt: skip
FILES: Final = Route(
    "GET", "/console/{name}", file, "getConsoleFile", "A file of the console", "meta",
    {200: Answer("The file.", dict.fromkeys(MEDIA_TYPES.values(), ""))}, (Kind.NOT_FOUND,), parameters=(_NAME,),
)  # fmt: skip
"""No operation of the API, so it stands in no document of it."""
SOCKET: Final = Route(
    "GET", "/console/socket", socket.enter, "openConsole", "The socket of the console", "meta",
    {101: Answer("It is a WebSocket from here on.")}, (Kind.INVALID_REQUEST, Kind.NOT_FOUND),
)  # fmt: skip
"""Nor is this: only the page of the same version knows what to say to it."""
