"""/docs: the API explorer. Swagger UI where there is JavaScript, a plain page to read where there is none."""

from pathlib import Path
from typing import Final

from clinvk.api.handler import Handler
from clinvk.api.pages import Shelf, send_page

FILES: Final = Shelf(
    Path(__file__).parent,
    {
        "explorer.js": "static/explorer.js",
        "page.css": "static/page.css",
        "icon.svg": "static/icon.svg",
        "swagger-ui-bundle.js": "swagger_ui/swagger-ui-bundle.js.gz",
        "swagger-ui-bundle.js.LICENSE.txt": "swagger_ui/swagger-ui-bundle.js.LICENSE.txt",  # the bundle names it
        "swagger-ui.css": "swagger_ui/swagger-ui.css.gz",
    },
).route("/docs", "getDocsFile", "A file of the explorer", "explorer.js")
"""Ours, and Swagger UI's, which scripts/vendor-explorer brings."""


async def docs(call: Handler) -> None:
    """The page, complete without any script: the explorer takes its place where it can."""
    from clinvk.api.explorer import page  # noqa: PLC0415  nor is what writes it loaded before it is asked for

    assert call.services.openapi is not None
    document = await call.services.openapi.read()
    html = page.render(document, call.client.base_url, keys=bool(call.services.keyring))
    send_page(call, html.encode(), images="'self' data:")
