"""The OpenAPI document: route table × schemas."""

from clinvk.api.openapi.document import document

__all__ = ["document"]
