"""The OpenAPI document: route table × schemas."""

from clinvk.api.openapi.document import Document, document

__all__ = ["Document", "document"]
