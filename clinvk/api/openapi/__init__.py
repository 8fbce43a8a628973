"""The OpenAPI document: route table × schemas. What writes it is loaded when somebody asks for it."""

import asyncio
from collections.abc import Iterable
from typing import Any

from clinvk.api.routes import Route
from clinvk.schemas import Schemas


class Document:
    """The document of one server, written when somebody first asks for it: that takes a tenth of a second."""

    def __init__(self, routes: Iterable[Route], schemas: Schemas) -> None:
        self._routes = tuple(routes)
        self._schemas = schemas
        self._turn = asyncio.Lock()
        self._written: dict[str, Any] | None = None

    async def read(self) -> dict[str, Any]:
        """All of it. The loop is not held meanwhile."""
        async with self._turn:
            if self._written is None:
                self._written = await asyncio.to_thread(document, self._routes, self._schemas)
        return self._written


def document(routes: Iterable[Route], schemas: Schemas) -> dict[str, Any]:
    """OpenAPI 3.1 for `routes`, with every schema there is."""
    from clinvk.api.openapi import whole  # noqa: PLC0415  most servers are never asked for it

    return whole.document(routes, schemas)
