"""What there is at /console."""

from functools import cache
from pathlib import Path
from typing import Final

from clinvk.api import pages
from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import Answer, Route

OFF: Final = "There is no console here: server.console_enabled is false"
_HERE: Final = Path(__file__).parent


async def page(call: Handler) -> None:
    """A terminal as large as the window."""
    if not (call.services.visitors.welcome and call.services.console):
        raise Problem(Kind.NOT_FOUND, OFF)
    pages.send_page(call, _html())


async def _enter(call: Handler) -> None:
    from clinvk.api.console import socket  # noqa: PLC0415  what it takes is loaded for the first visitor

    await socket.enter(call)


@cache
def _html() -> bytes:
    """The same for everybody."""
    return (_HERE / "static" / "console.html").read_bytes()


PAGE: Final = Route(
    "GET", "/console", page, "getConsole", "The console, in a browser", "meta",
    pages.answers("A page for browsers, with a terminal that shows what `clinvk serve --tui` does."),
    (Kind.NOT_FOUND,), open=True,
    description="Only with `server.console_enabled`. For eight visitors at once. Where keys are asked for, the"
    " page does so.",
)  # fmt: skip
FILES: Final = pages.Shelf(
    _HERE,
    {
        "console.js": "static/console.js",
        "console.css": "static/console.css",
        "xterm.js": "xterm/xterm.js.gz",
        "addon-fit.js": "addon_fit/addon-fit.js.gz",
        "xterm.css": "xterm/xterm.css.gz",
        "xterm.LICENSE.txt": "xterm/LICENSE",
        "addon-fit.LICENSE.txt": "addon_fit/LICENSE",
    },
).route("/console", "getConsoleFile", "A file of the console", "console.js")
"""Ours, and xterm.js, which scripts/vendor-terminal brings."""
SOCKET: Final = Route(
    "GET", "/console/socket", _enter, "openConsole", "The socket of the console", "meta",
    {101: Answer("It is a WebSocket from here on.")}, (Kind.INVALID_REQUEST, Kind.NOT_FOUND),
)  # fmt: skip
"""No operation of the API either: only the page of the same version knows what to say to it."""
